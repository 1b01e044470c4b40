import ApusFormats
import ApusSystem
import ApusTraining

/// Several runs beside each other: their curves, the options in which they differ, and what they came to.
///
/// Runs need not be finished; what is there is compared.
public struct RunComparison {
    /// One of the runs.
    struct Entry {
        /// The run's folder as it was named.
        let name: String
        let options: [JSON.Member]
        /// The records of its epochs.
        let epochs: [JSON]
        let result: JSON?

        /// A number of the result, or of the last epoch.
        func final(_ key: String) -> Double? { result?[key]?.double ?? epochs.last?[key]?.double }
        /// A number of each epoch.
        func curve(_ key: String) -> [(x: Double, y: Double)] {
            epochs.compactMap { epoch in
                guard let x = epoch["epoch"]?.double, let y = epoch[key]?.double else { return nil }
                return (x, y)
            }
        }
        /// A number of each epoch on the images that the run is evaluated on after it: those of validation, where some are set aside.
        func evaluated(_ key: String) -> [(x: Double, y: Double)] {
            let validation = curve("val_\(key)")
            return validation.isEmpty ? curve("test_\(key)") : validation
        }
    }

    let entries: [Entry]

    /// The runs in `folders`, of which there are at least two. Throws a ``RunError`` where there is none, and a `FormatError` for a damaged file.
    public init(_ folders: [String]) throws {
        guard folders.count >= 2 else { throw RunError("there is nothing to compare: name two or more runs") }
        entries = try folders.map { path in
            let folder = RunFolder(path)
            guard try Folder.names(in: folder.path) != nil else { throw RunError("there is no folder \(path)") }
            _ = try folder.loadOptions() // Its errors say what is wrong.
            let lines = Folder.exists(folder.metrics) ? try MetricsLog.read(folder.metrics) : []
            return Entry(
                name: folder.path, options: try JSON(contentsOf: folder.options).members ?? [],
                epochs: lines.filter { $0["event"]?.string == "epoch" },
                result: Folder.exists(folder.result) ? .some(try JSON(contentsOf: folder.result)) : .none)
        }
    }

    /// The options in which the runs differ, with each run's; an option that a run has not is `-`.
    public var differences: [(option: String, values: [String])] {
        var names: [String] = []
        for name in entries.flatMap({ $0.options.map(\.key) }) where name != "former" && !names.contains(where: { $0.isSame(as: name) }) {
            names.append(name)
        }
        return names.compactMap { name in
            let values = entries.map { entry -> String in
                guard let value = entry.options.first(where: { $0.key.isSame(as: name) })?.value else { return "-" }
                return value.string ?? value.text
            }
            return values.contains { !$0.isSame(as: values[0]) } ? (name, values) : nil
        }
    }

    /// What the runs came to: the last numbers, the best accuracy of an epoch, the time.
    public var results: [(name: String, values: [String])] {
        func row(_ name: String, _ text: (Entry) -> String?) -> (String, [String]) { (name, entries.map { text($0) ?? "-" }) }
        let rows = [
            row("test accuracy") { $0.final("test_accuracy").map { Text.fixed($0, 4) } },
            row("best of an epoch") { $0.evaluated("accuracy").map(\.y).max().map { Text.fixed($0, 4) } },
            row("test loss") { $0.final("test_loss").map { Text.fixed($0, 4) } },
            row("training loss") { $0.epochs.last?["train_loss"]?.double.map { Text.fixed($0, 4) } },
            row("epochs") { entry in
                let wanted = entry.options.first { $0.key == "epochs" }?.value.int ?? entry.epochs.count
                let done = entry.result?["epochs"]?.int ?? entry.epochs.count
                return entry.result == nil || done != wanted ? "\(done) of \(wanted)" : "\(done)"
            },
            row("steps") { $0.final("steps").map { Text.grouped(Int($0)) } ?? $0.final("step").map { Text.grouped(Int($0)) } },
            row("parameters") { $0.final("parameters").map { Text.grouped(Int($0)) } },
            row("training time") { entry in
                let seconds = entry.result?["seconds"]?.double ?? entry.curve("seconds").reduce(0) { $0 + $1.y }
                return Text.duration(seconds)
            },
        ]
        return rows.filter { $0.1.contains { $0 != "-" } }
    }

    /// The names of the runs' folders.
    public var names: [String] { entries.map(\.name) }

    /// The results and below them the differing options as lines of text, a column for each run.
    package var lines: [String] {
        var rows = [[""] + names] + results.map { [$0.name] + $0.values }
        let blank = rows.count
        rows += [names.map { _ in "" } + [""]] + differences.map { [$0.option] + $0.values }
        let lines = Table.lines(rows, right: Set(1...names.count))
        return differences.isEmpty ? lines[..<blank] + ["", "the options are the same"] : lines
    }

    /// The curves over each other, the results and the differing options as a page.
    public var report: Report {
        var report = Report(title: "\(entries.count) runs compared", lead: names.joined(separator: ", "))
        func chart(_ title: String, digits: Int = 4, _ curve: (Entry) -> [(x: Double, y: Double)]) -> Chart {
            Chart(title: title, xLabel: "epoch", series: entries.map { .init($0.name, curve($0), marks: true) }, digits: digits)
        }
        let asides = entries.map { !$0.curve("val_accuracy").isEmpty }
        let images = !asides.contains(true) ? "Test" : asides.contains(false) ? "Test or validation" : "Validation"
        report.charts = [
            chart("\(images) accuracy") { $0.evaluated("accuracy") }, chart("\(images) loss") { $0.evaluated("loss") },
            chart("Training accuracy") { $0.curve("train_accuracy") }, chart("Training loss") { $0.curve("train_loss") },
            chart("Learning rate at the end of the epoch", digits: 6) { $0.curve("lr") },
        ]
        report.tables = [
            .init(title: "Results", header: [""] + names, rows: results.map { [$0.name] + $0.values }),
            .init(
                title: "Options that differ", note: differences.isEmpty ? "None: all runs have the same options." : nil,
                header: [""] + names, rows: differences.map { [$0.option] + $0.values }),
        ]
        return report
    }
}
