import ApusCore
import ApusData
import ApusFormats
import ApusSystem
import ApusTraining
import ApusVision

/// The images that a trained model is tested on, with the model's input shape and class indices.
package struct TestImages {
    package let data: ImageData
    /// Messages for the user: which images were chosen, and what has changed since the model was trained.
    package let notes: [String]

    /// The images for testing of `name`, for a model with that `input` and those `classes`. Classes are matched by name; throws a
    /// ``RunError`` for one that the model does not know. `metadata` is that of the weights, `run` the run's folder if there is one.
    package init(
        _ name: String, input: [Int], classes: [String], metadata: Metadata, run: RunFolder?, onBadImage: ImageFolder.OnBadImage = .stop
    ) throws {
        try DataSource.check(name)
        let found: ImageData
        var notes: [String] = []
        if DataSource.names.contains(name) {
            found = try DataSource.named(name, .test, InputRequest(channels: input[0], size: Array(input[1...])))
        } else {
            // Weights of format 1 do not store how images were split; the run's options do.
            let deal =
                try metadata["apus.deal"].map { text in
                    guard let json = try? JSON(parsing: text), let deal = Deal(json: json) else {
                        throw RunError("the weights' apus.deal is '\(printable(text))', which is no way to deal images out")
                    }
                    return deal
                } ?? run?.loadOptions().deal
            let learnedElsewhere = metadata["apus.images"] != nil && metadata["apus.deal"] == nil
            let source = try ImageSource(name, decoding: metadata.decoding, onBadImage: onBadImage)
            let (data, all, skipped) = try source.loadTest(deal, learnedElsewhere: learnedElsewhere, input: input)
            found = data
            notes += skippedNotes(skipped)
            if let all {
                notes.append(
                    "\(name) has no folder test: tested on the \(Text.grouped(data.count)) of its \(Text.grouped(all.train.count + data.count)) images that the run does not learn from"
                )
                let known = metadata["apus.images"].flatMap { try? JSON(parsing: $0) }
                let before =
                    try known
                    ?? run.flatMap { run in
                        try Checkpoint.load(from: run.path).flatMap { try RunState($0, file: Checkpoint.newest(in: run.path)).data }
                    }
                if let before, let change = TestImages.change(all, before) {
                    notes.append("\(name) \(change)")
                }
            }
        }
        let known = classes.map(ByteKey.init)
        var numbers: [Int] = []
        for title in found.classes {
            guard let number = known.firstIndex(of: ByteKey(title)) else {
                throw RunError(
                    "\(name) has the class '\(printable(title))', which the model does not know; it knows \(classes.prefix(20).map(printable).joined(separator: ", "))\(classes.count > 20 ? ", …" : "")"
                )
            }
            numbers.append(number)
        }
        let missing = classes.indices.filter { !numbers.contains($0) }
        if !missing.isEmpty {
            notes.append(
                "\(name) has no images of \(missing.prefix(10).map { printable(classes[$0]) }.joined(separator: ", "))\(missing.count > 10 ? ", …" : "")"
            )
        }
        data = try InputTransform(metadata, input, file: "the weights").applied(to: found.numbered(numbers, classes))
        self.notes = notes
    }

    /// How the images have changed since `before`, the fingerprint in the weights; nil if they have not.
    private static func change(_ now: RunData, _ before: JSON) -> String? {
        var parts: [String] = []
        if case .shuffled = now.deal {
            let (count, was) = (
                now.train.count + now.test.count, ["train", "test", "validation"].reduce(0) { $0 + (before[$1]?["count"]?.int ?? 0) }
            )
            return count == was
                ? nil
                : "has \(count) images, when the model was trained it had \(was): another number deals all out anew, and the model may have learned from some of these"
        }
        func counts(_ part: JSON?) -> [Int] { part?["counts"]?.array?.compactMap(\.int) ?? [] }
        let classes = before["train"]?["classes"]?.array?.compactMap(\.string) ?? []
        let aside = counts(before["validation"])
        let old = zip(counts(before["train"]), counts(before["test"])).enumerated().map { i, both in
            both.0 + both.1 + (aside.indices.contains(i) ? aside[i] : 0)
        }
        for (i, title) in now.train.classes.enumerated() {
            let count = now.train.counts[i] + now.test.counts[i]
            let was = classes.firstIndex { $0.isSame(as: title) }.flatMap { old.indices.contains($0) ? old[$0] : nil }
            if was != count { parts.append("\(printable(title)) \(was ?? 0) → \(count)") }
        }
        for title in classes where !now.train.classes.contains(where: { $0.isSame(as: title) }) {
            parts.append("\(printable(title)) is gone")
        }
        if !parts.isEmpty {
            return "has changed since the model was trained: \(parts.prefix(20).joined(separator: ", "))\(parts.count > 20 ? ", …" : "")"
        }
        let same = now.train.fingerprint["names"] == before["train"]?["names"] && now.test.fingerprint["names"] == before["test"]?["names"]
        return same ? nil : "has as many images as when the model was trained, but of other names"
    }
}
