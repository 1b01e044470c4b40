import ApusFormats
import ApusSystem
import ApusTraining

/// What `apus info` prints of an event file of TensorBoard: its tags, with how many points they have and where.
struct EventListing {
    private struct Tag {
        var kind: String
        var points = 0
        var steps: ClosedRange<Int64>
        /// The last point of a curve.
        var last: Double?
    }

    private var tags: [(name: String, tag: Tag)] = []
    private let file: EventFile

    init(_ region: ByteRegion) throws {
        file = try EventFile(region)
        var places: [ByteKey: Int] = [:]
        func add(_ name: String, _ kind: String, _ step: Int64, _ number: Double? = nil, to tags: inout [(name: String, tag: Tag)]) {
            let key = ByteKey("\(kind) \(name)")
            let place = places[key] ?? tags.count
            if place == tags.count { tags.append((name, Tag(kind: kind, steps: step...step))) }
            places[key] = place
            let steps = tags[place].tag.steps
            tags[place].tag.points += 1
            tags[place].tag.steps = min(steps.lowerBound, step)...max(steps.upperBound, step)
            tags[place].tag.last = number
        }
        for event in file.events {
            switch event.content {
            case .summary(let values): for value in values { add(value.tag, value.kind, event.step, value.number, to: &tags) }
            case .graph: add("", "graph", event.step, to: &tags)
            case .session(status: 1): add("", "restart", event.step, to: &tags)
            case .fileVersion, .session, .other, nil: break
            }
        }
    }

    func say(_ path: String, _ kind: String, _ size: String, json: Bool) {
        if json {
            for (name, tag) in tags {
                var members: [JSON.Member] = [
                    .init("file", .string(path)), .init("tag", .string(name)), .init("kind", .string(tag.kind)),
                    .init("points", .int(Int64(tag.points))), .init("first_step", .int(tag.steps.lowerBound)),
                    .init("last_step", .int(tag.steps.upperBound)),
                ]
                if let last = tag.last { members.append(.init("last", .double(last))) }
                ApusCommand.say(JSON.object(members).text)
            }
        } else {
            ApusCommand.say("\(path): \(kind), \(size), \(Text.grouped(file.events.count)) events")
            let rows = tags.map { name, tag in
                [
                    printable(name), tag.kind, Text.grouped(tag.points),
                    tag.steps.lowerBound == tag.steps.upperBound
                        ? "\(tag.steps.lowerBound)" : "\(tag.steps.lowerBound) to \(tag.steps.upperBound)",
                    tag.last.map { Text.short($0) } ?? "",
                ]
            }
            for line in Table.lines([["tag", "kind", "points", "steps", "last"]] + rows, right: [2, 4]) { ApusCommand.say(line) }
        }
        if let cutOff = file.cutOff { warn("\(cutOff); a writer is at it, or was killed") }
    }
}

extension SummaryValue {
    fileprivate var kind: String {
        switch content {
        case .scalar: "scalar"
        case .image: "image"
        case .histogram: "histogram"
        case .tensor: plugin == "scalars" ? "scalar" : plugin ?? "tensor"
        case .other, nil: plugin ?? "other"
        }
    }

    fileprivate var number: Double? {
        switch content {
        case .scalar(let number): Double(number)
        case .tensor(let tensor) where plugin == "scalars": tensor.doubles.first ?? tensor.floats.first.map { Double($0) }
        default: nil
        }
    }
}
