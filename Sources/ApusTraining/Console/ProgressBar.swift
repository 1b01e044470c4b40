import ApusCore
import ApusSystem
import Glibc

/// Shows the progress of training: on a terminal a bar that is redrawn in place, at most ten times a second; elsewhere plain lines.
///
/// ```
/// epoch 2/5 ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━  62%  loss 0.3121  accuracy 0.8873  41,230/s  0:04 left
/// epoch 1/5  loss 0.5273  accuracy 0.8163  test loss 0.4291  test accuracy 0.8480  41,230/s  1.5 s
/// ```
/// It uses no colours if `NO_COLOR` is set, and only ASCII if the locale is not UTF-8.
public final class ProgressBar: TrainingObserver {
    private let descriptor: Int32
    private let terminal: Terminal
    private let unit: String
    /// What the evaluated samples are called.
    private let evaluated: String
    private var lastDrawn = -Double.infinity
    private var isBarVisible = false

    /// A bar on standard output. `unit` is the unit of samples: with `"img"` it prints `41,230 img/s`.
    public convenience init(unit: String = "", evaluated: String = "test") {
        self.init(descriptor: STDOUT_FILENO, terminal: .of(STDOUT_FILENO), unit: unit, evaluated: evaluated)
    }

    package init(descriptor: Int32, terminal: Terminal, unit: String = "", evaluated: String = "test") {
        self.descriptor = descriptor
        self.unit = unit
        self.evaluated = evaluated
        self.terminal = terminal
    }

    public func didTrain(_ progress: TrainingProgress) {
        // Shards of accumulated batches have no loss before their step.
        guard progress.measurements.samples > 0 else { return }
        show(progress, every: terminal.width == nil ? 30 : 0.1) {
            $0 ? ProgressBar.bar(progress, self.current, self.unit) : ProgressBar.plain(progress, self.unit)
        }
    }

    public func didEvaluate(batch: Int, of batches: Int, after progress: TrainingProgress) {
        guard terminal.width != nil else { return }
        show(progress, every: 0.1) { _ in
            ProgressBar.bar(
                label: "testing \(progress.epoch)/\(progress.epochs)", fraction: Double(batch) / Double(max(batches, 1)), parts: [],
                terminal: self.current)
        }
    }

    public func didFinish(_ epoch: EpochRecord, of epochs: Int) {
        clear()
        writeAll(ProgressBar.line(epoch, of: epochs, unit, evaluated) + "\n", to: descriptor)
        lastDrawn = -.infinity
    }

    public func didStop(_ progress: TrainingProgress) { clear() }

    /// Prints a line above the bar.
    public func note(_ text: String) {
        clear()
        writeAll(text + "\n", to: descriptor)
    }

    /// Removes the bar.
    public func clear() {
        guard isBarVisible else { return }
        writeAll("\r\u{1B}[K", to: descriptor)
        isBarVisible = false
    }

    private var current: Terminal {
        var now = terminal
        now.width = Terminal.columns(descriptor)
        return now
    }

    private func show(_ progress: TrainingProgress, every seconds: Double, _ text: (_ isTerminal: Bool) -> String) {
        let now = monotonicSeconds()
        if terminal.width == nil, lastDrawn == -.infinity { lastDrawn = now } // Epochs shorter than 30 s print only their final line.
        guard now - lastDrawn >= seconds else { return }
        lastDrawn = now
        if terminal.width == nil {
            writeAll(text(false) + "\n", to: descriptor)
        } else {
            writeAll("\r" + text(true) + "\u{1B}[K", to: descriptor)
            isBarVisible = true
        }
    }

    // MARK: Text

    /// The line of a finished epoch.
    package static func line(_ epoch: EpochRecord, of epochs: Int, _ unit: String = "", _ evaluated: String = "test") -> String {
        let width = String(epochs).count
        var parts = ["epoch \(Text.right(String(epoch.epoch), width))/\(epochs)"] + numbers(epoch.train.loss, epoch.train.metrics)
        if let test = epoch.test { parts += numbers(test.loss, test.metrics).map { "\(evaluated) \($0)" } }
        parts += [rate(epoch.samplesPerSecond, unit), Text.duration(epoch.seconds)]
        return parts.joined(separator: "  ")
    }

    private static func numbers(_ loss: Double, _ metrics: [Measured.Entry]) -> [String] {
        ["loss \(Text.fixed(loss, 4))"] + metrics.map { "\($0.name) \(Text.fixed($0.value, 4))" }
    }

    private static func rate(_ perSecond: Double, _ unit: String) -> String {
        "\(Text.compact(perSecond))\(unit.isEmpty ? "" : " \(unit)")/s"
    }

    /// The line of a running epoch, without a terminal.
    package static func plain(_ progress: TrainingProgress, _ unit: String = "") -> String {
        (["epoch \(progress.epoch)/\(progress.epochs)", "\(Int(progress.fraction * 100))%"] + parts(progress, unit)).joined(separator: "  ")
    }

    /// The bar of a running epoch, at most as wide as the terminal.
    package static func bar(_ progress: TrainingProgress, _ terminal: Terminal, _ unit: String = "") -> String {
        bar(
            label: "epoch \(progress.epoch)/\(progress.epochs)", fraction: progress.fraction, parts: parts(progress, unit),
            terminal: terminal)
    }

    private static func parts(_ progress: TrainingProgress, _ unit: String) -> [String] {
        numbers(progress.loss, progress.measurements.onTheWay) + [
            rate(progress.samplesPerSecond, unit), "\(Text.clock(progress.secondsLeft)) left",
        ]
    }

    /// Leaves out the last parts if there is no room for them; the bar gets the remaining columns, up to 40.
    package static func bar(label: String, fraction: Double, parts: [String], terminal: Terminal) -> String {
        let fraction = min(max(fraction, 0), 1)
        let percent = Text.right("\(Int(fraction * 100))%", 4)
        // The last column stays free: writing into it wraps on some terminals.
        var room = (terminal.width ?? 80) - 1 - label.count - percent.count
        guard room >= 0 else { return String((label + percent).prefix(max(0, (terminal.width ?? 80) - 1))) }
        var shown: [String] = []
        for part in parts {
            guard room - part.count - 2 >= (shown.count < 2 ? 0 : 8) else { break }
            shown.append(part)
            room -= part.count + 2
        }
        var middle = ""
        if room >= 6 { middle = " " + cells(fraction, min(room - 1, 40), terminal) }
        return ([label + middle + percent] + shown).joined(separator: "  ")
    }

    private static func cells(_ fraction: Double, _ width: Int, _ terminal: Terminal) -> String {
        let (green, dim, reset) = terminal.hasColour ? ("\u{1B}[32m", "\u{1B}[90m", "\u{1B}[0m") : ("", "", "")
        guard terminal.hasUnicode else {
            let full = Int(fraction * Double(width))
            return green + String(repeating: "#", count: full) + dim + String(repeating: "-", count: width - full) + reset
        }
        // Half cells make the bar move in smaller steps.
        let halves = Int(fraction * Double(2 * width))
        let (full, isHalf) = (halves / 2, halves % 2 == 1)
        let rest = width - full - (isHalf ? 1 : 0)
        // Without colour the rest is blank, since both strokes look alike.
        return green + String(repeating: "━", count: full) + (isHalf ? "╸" : "") + dim
            + String(repeating: terminal.hasColour ? "━" : " ", count: rest) + reset
    }
}
