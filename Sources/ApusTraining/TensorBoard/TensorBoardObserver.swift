import ApusCore
import ApusFormats
import ApusNN

/// Writes a training to TensorBoard.
///
/// ```swift
/// let writer = try SummaryWriter("runs/first")
/// trainer.observers.append(TensorBoardObserver(writer, stop: trainer.stop))
/// ```
/// | tag | when | what |
/// | --- | --- | --- |
/// | `loss/step` | every `steps` steps | the mean over the samples since the last point |
/// | `accuracy/step` and so on | every `steps` steps | each metric over the epoch so far |
/// | `learning_rate` | every `steps` steps | of the step |
/// | `loss/train`, `accuracy/train` … | after an epoch | over its training samples, each measured before the step that learns from it |
/// | `loss/test`, `accuracy/test` … | after an epoch | over the test set, where there is one |
/// | `samples_per_second` | after an epoch | training, without evaluation |
/// | `weights/…` | after an epoch | a histogram of each parameter of `histograms` |
///
/// All points are at the number of steps so far. What the folder's files say of later steps, of a run that was killed and goes on from its
/// checkpoint, is hidden as soon as training begins. A run that is killed between an epoch's points and its checkpoint writes these points
/// once more, with the same numbers.
public final class TensorBoardObserver: TrainingObserver {
    /// Where it writes to.
    public let writer: SummaryWriter
    /// The first error of writing; nothing is written after it.
    public private(set) var error: (any Error)?

    private let steps: Int
    private let model: Module?
    private let stop: StopFlag?
    /// The step of the last point.
    private var last = 0
    /// The epoch under way, as of the last batch.
    private var measurements: Measurements?
    /// Of the epoch's sums, what the last point had.
    private var seen = (loss: 0.0, samples: 0)
    /// What epochs before have left for the next point.
    private var left = (loss: 0.0, samples: 0)

    /// An observer that writes points every `steps` steps, and after each epoch the weights of the model `histograms`.
    ///
    /// - Parameter stop: is set by the first error of writing, so that training stops with a checkpoint; without it training goes on.
    public init(_ writer: SummaryWriter, every steps: Int = 50, histograms model: Module? = nil, stop: StopFlag? = nil) {
        if steps < 1 { fail("TensorBoardObserver", "every is \(steps), it must be at least 1") }
        (self.writer, self.steps, self.model, self.stop) = (writer, max(steps, 1), model, stop)
    }

    private func write(_ body: () throws -> Void) {
        guard error == nil else { return }
        do { try body() } catch {
            self.error = error
            stop?.set()
        }
    }

    public func willTrain(_ progress: TrainingProgress) {
        last = progress.step
        left = (0, 0)
        measurements = progress.measurements
        seen = (progress.measurements.lossTotal, progress.measurements.samples)
        write { try writer.purge(from: progress.step + 1) }
    }

    public func didTrain(_ progress: TrainingProgress) {
        if progress.measurements !== measurements { (measurements, seen) = (progress.measurements, (0, 0)) }
        guard progress.step != last, progress.step % steps == 0 else { return }
        last = progress.step
        takeOver()
        let (loss, samples) = left
        left = (0, 0)
        write {
            if samples > 0 { try writer.addScalar("loss/step", loss / Double(samples), progress.step) }
            for metric in progress.measurements.onTheWay { try writer.addScalar("\(metric.name)/step", metric.value, progress.step) }
            try writer.addScalar("learning_rate", progress.learningRate, progress.step)
        }
    }

    /// Adds what the epoch's sums have gained to what the next point gets.
    private func takeOver() {
        guard let measurements else { return }
        let now = (loss: measurements.lossTotal, samples: measurements.samples)
        left = (left.loss + now.loss - seen.loss, left.samples + now.samples - seen.samples)
        seen = now
    }

    public func didFinish(_ epoch: EpochRecord, of epochs: Int) {
        takeOver()
        measurements = nil
        write {
            for (part, measured) in [("train", epoch.train as Measured?), ("test", epoch.test)] {
                guard let measured else { continue }
                try writer.addScalar("loss/\(part)", measured.loss, epoch.step)
                for metric in measured.metrics { try writer.addScalar("\(metric.name)/\(part)", metric.value, epoch.step) }
            }
            try writer.addScalar("samples_per_second", epoch.samplesPerSecond, epoch.step)
            for (name, parameter) in model?.namedParameters() ?? [] { try writer.addHistogram("weights/\(name)", parameter, epoch.step) }
        }
    }
}
