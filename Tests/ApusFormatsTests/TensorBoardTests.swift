import ApusSystem
import Foundation
import TestSupport
import Testing
@testable import ApusCore
@testable import ApusFormats

/// What `record_tensorboard.py` recorded of PyTorch's `SummaryWriter`.
private struct RecordedLog: Decodable, Sendable {
    struct Spread: Decodable, Sendable {
        let values: [Double]
        let dtype: String
        let bins: JSON?
        let max_bins: Int?

        var tensor: Tensor { Tensor(values, dtype: DType(dtype)!) }
    }
    struct Picture: Decodable, Sendable {
        let shape: [Int]
        let dtype: String
        let values: [Double]
        let width, height: Int
        let pixels: [UInt8]

        var tensor: Tensor { Tensor(values, shape: Shape(shape), dtype: DType(dtype)!) }
    }

    let scalars: [Double]
    let read: [[Double]]
    let histograms: [String: Spread]
    let images: [String: Picture]

    static let all: RecordedLog = Recorded.load("tensorboard")

    static func path(_ run: String = "") -> String { inCheckout("Recorded/tensorboard/\(run)events.out.tfevents.recorded").path }
    static func events(_ run: String = "") throws -> [TensorBoardEvent] { try EventFile(contentsOf: path(run)).events }
}

/// The event files of a folder, in the order of their numbers.
func eventFiles(_ folder: String) throws -> [EventFile] {
    let names = try #require(try Folder.names(in: folder)).filter { $0.contains("tfevents") }
    func number(_ name: String) -> Int { Int(name.split(separator: ".").last!)! }
    return try names.sorted { number($0) < number($1) }.map { try EventFile(contentsOf: "\(folder)/\($0)") }
}

/// The values of all events, one after the other.
func values(_ events: [TensorBoardEvent]) -> [(step: Int64, value: SummaryValue)] {
    events.flatMap { event -> [(step: Int64, value: SummaryValue)] in
        guard case .summary(let values) = event.content else { return [] }
        return values.map { (event.step, $0) }
    }
}

@Suite struct TensorBoardTests {
    let folder = TemporaryFolder()

    private var writer: SummaryWriter { get throws { try SummaryWriter(folder.file("log")) } }
    private func log(_ run: String = "") throws -> [TensorBoardEvent] { try events(folder.file("log"), run) }
    private func events(_ log: String, _ run: String) throws -> [TensorBoardEvent] { try eventFiles("\(log)/\(run)").flatMap(\.events) }

    // MARK: What PyTorch writes

    @Test(arguments: ["", "both_of_a/", "both_of_b/", "hp/", "purged/"]) func recordsAreReadAndWrittenAgain(_ run: String) throws {
        let all = bytes(ofFile: RecordedLog.path(run))
        let events = try RecordedLog.events(run)
        var at = 0
        for (number, event) in events.enumerated() {
            if case .other(8) = event.content {
                // Beside a graph PyTorch writes that no time was measured.
                #expect(number == events.count - 1 && at < all.count)
                at = all.count
                continue
            }
            let again = EventFile.record(event.encoded)
            #expect(all[at...].starts(with: again), "event \(number)")
            at += again.count
        }
        #expect(at == all.count)
        #expect(events[0].content == .fileVersion("brain.Event:2") && events[0].writer == "tensorboard.summary.writer.event_file_writer")
    }

    @Test func theRecordedLogHasTheRecordedNumbers() throws {
        let scalars = values(try RecordedLog.events()).filter { $0.value.tag == "loss/train" }
        #expect(scalars.count == RecordedLog.all.read.count)
        for (found, read) in zip(scalars, RecordedLog.all.read) {
            guard case .scalar(let number) = found.value.content else { Issue.record("no scalar"); continue }
            #expect(Double(found.step) == read[0] && (Double(number) == read[2] || number.isNaN && read[2].isNaN))
        }
        let graphs = try RecordedLog.events().compactMap { event -> [UInt8]? in
            if case .graph(let bytes) = event.content { bytes } else { nil }
        }
        let nodes = try #require(graphs.first).region { try GraphNode.decoded($0) }
        #expect(
            nodes.contains {
                $0.name == "Sequential/ReLU[1]/input" && $0.op == "aten::relu" && $0.inputs == ["Sequential/Linear[0]/input.3"]
            })
    }

    /// The same calls give the same messages: scalars with NaN and infinities, both styles, curves in one chart, histograms in all kinds of
    /// buckets, pictures in all orders of dimensions, texts, hyper-parameters with a truth value as PyTorch writes it.
    @Test func theSameCallsWriteWhatPyTorchWrites() throws {
        let recorded = RecordedLog.all
        // `scripts/check/tensorboard` has TensorBoard read the log.
        let log = environment("APUS_TEST_TENSORBOARD") ?? folder.file("log")
        let writer = try SummaryWriter(log)
        for (step, value) in recorded.scalars.enumerated() {
            try writer.addScalar("loss/train", value, globalStep: step, walltime: 1e9 + Double(step))
        }
        try writer.addScalar("new", 1.0 / 3, globalStep: 2, walltime: 1e9, newStyle: true)
        try writer.addScalar("double", 1.0 / 3, globalStep: 2, walltime: 1e9, newStyle: true, doublePrecision: true)
        try writer.addScalars("both/of", ["b": Tensor(2.0), "a": 1.0], globalStep: 3, walltime: 1e9)
        for (name, spread) in recorded.histograms {
            let bins: HistogramBins =
                spread.bins.map { bins in
                    bins.int.map { .equal($0) } ?? .edges(bins.array!.map { $0.double! })
                } ?? .tensorflow
            try writer.addHistogram(name, spread.tensor, globalStep: 4, bins: bins, walltime: 1e9, maxBins: spread.max_bins)
        }
        for (name, picture) in recorded.images {
            try writer.addImages(name, picture.tensor, globalStep: 5, walltime: 1e9, dataformats: name.replacing("1", with: ""))
        }
        try writer.addText("note", "**bold** | täble", globalStep: 6, walltime: 1e9)
        try writer.addHparams(
            ["lr": 0.1, "opt": "sgd", "bias": 1], ["hp/acc": 0.9], hparamDomainDiscrete: ["opt": ["sgd", "adam"]], runName: "hp",
            globalStep: 7)

        for run in ["", "both_of_a/", "both_of_b/", "hp/"] {
            let (ours, theirs) = (values(try events(log, run)), values(try RecordedLog.events(run)))
            #expect(ours.count == theirs.count && ours.count > 0)
            for (step, theirs) in theirs {
                guard let found = ours.first(where: { $0.value.tag == theirs.tag && $0.step == step }) else {
                    Issue.record("no \(theirs.tag) at \(step)")
                    continue
                }
                try compare(found.value, theirs)
            }
        }
        for (found, theirs) in zip(try events(log, ""), try RecordedLog.events()).dropFirst().prefix(recorded.scalars.count) {
            #expect(found.encoded == theirs.encoded)
        }
    }

    private func compare(_ ours: SummaryValue, _ theirs: SummaryValue) throws {
        func encoded(_ value: SummaryValue) -> [UInt8] {
            var message = ProtobufWriter()
            value.write(&message)
            return message.bytes
        }
        switch (ours.content, theirs.content) {
        case (.histogram(let a), .histogram(let b)):
            #expect(a.limits == b.limits && a.counts == b.counts, "\(ours.tag)")
            #expect(a.minimum == b.minimum && a.maximum == b.maximum && a.count == b.count, "\(ours.tag)")
            // Numpy adds in another order.
            #expect(
                abs(a.sum - b.sum) <= 1e-12 * max(1, abs(b.sum)) && abs(a.sumOfSquares - b.sumOfSquares) <= 1e-12 * max(1, b.sumOfSquares))
        case (.image(let a), .image(let b)):
            #expect(a.width == b.width && a.height == b.height, "\(ours.tag)")
            let picture = try Picture(contentsOf: folder.write(a.encoded), mode: .rgb)
            #expect(picture.pixels == RecordedLog.all.images[ours.tag]!.pixels, "\(ours.tag)")
        default:
            if ours.tag == "_hparams_/session_start_info" {
                // The entries of a map have no order.
                #expect(ours.pluginContent.sorted() == theirs.pluginContent.sorted())
            } else {
                #expect(encoded(ours) == encoded(theirs), "\(ours.tag)")
            }
        }
    }

    // MARK: What is not finite

    @Test func histogramsOfWhatIsNotFinite() throws {
        let writer = try writer
        try writer.addHistogram("mixed", Tensor([1.0, .nan, 2, .infinity, -.infinity]), globalStep: 1)
        try writer.addHistogram("nothing", Tensor([Double.nan]), globalStep: 1)
        try writer.addHistogram("empty", Tensor.zeros(0, 3), globalStep: 1)
        try writer.addHistogram("huge", Tensor([-1e30, 1.0, 1e25], dtype: .float64), globalStep: 1)
        let found = values(try log()).map(\.value)
        func histogram(_ tag: String) throws -> Histogram {
            guard case .histogram(let histogram) = try #require(found.first { $0.tag == tag }).content else {
                throw OpError("no histogram", op: "")
            }
            return histogram
        }
        let mixed = try histogram("mixed")
        #expect(mixed.minimum == 1 && mixed.maximum == 2 && mixed.count == 2 && mixed.sum == 3 && mixed.counts.reduce(0, +) == 2)
        #expect(found.filter { $0.tag == "mixed/not_finite" }.map(\.content) == [.scalar(3)])
        #expect(try histogram("nothing").count == 0 && found.contains { $0.tag == "nothing/not_finite" })
        #expect(try histogram("empty") == Histogram([], edges: [0, 1]) && !found.contains { $0.tag == "empty/not_finite" })
        // Numbers beyond the buckets have some of their own.
        let huge = try histogram("huge")
        #expect(huge.counts.reduce(0, +) == 3 && huge.limits.first == -1e30 && huge.limits.last == 1e25 && huge.counts.last == 1)
    }

    /// A number is in the bucket that begins at it, in the last one where it is its end, and no number is lost: whatever the buckets.
    @Test func everyNumberIsInOneBucket() {
        var random = SplitMix(state: 3)
        for round in 0..<200 {
            let extremes = [0, -0.0, 1, 1e20, .greatestFiniteMagnitude, -.greatestFiniteMagnitude, .leastNonzeroMagnitude, 1e-12, -1e30]
            let numbers = (0..<Int.random(in: 1...(round % 3 == 2 ? 3 : 50), using: &random)).map { _ in
                switch round % 3 {
                case 0: Double(Int.random(in: -3...3, using: &random))
                case 1: Double.random(in: -1e3...1e3, using: &random)
                default: extremes.randomElement(using: &random)!
                }
            }
            for bins in [.tensorflow, .equal(7), .equal(1), .edges([-2, -1, 0, 2]), .edges([0.5, 900])] as [HistogramBins] {
                let histogram = Histogram(numbers, edges: bins.edges(for: numbers)!)
                #expect(histogram.counts.count == histogram.limits.count && histogram.counts[0] == 0)
                #expect(histogram.limits.allSatisfy { $0.isFinite })
                for i in histogram.counts.indices.dropFirst() {
                    let (low, high) = (histogram.limits[i - 1], histogram.limits[i])
                    let isLast = i == histogram.counts.count - 1
                    #expect(low < high)
                    #expect(numbers.count { $0 >= low && ($0 < high || isLast && $0 == high) } == Int(histogram.counts[i]))
                }
                #expect(Int(histogram.counts.reduce(0, +)) == numbers.count)
            }
        }
    }

    // MARK: Files

    @Test func aNewWriterBeginsANewFile() throws {
        let first = try writer
        for step in 0..<5 { try first.addScalar("x", Double(step), step) }
        let second = try SummaryWriter(folder.file("log") + "/", purgeStep: 3)
        try second.addScalar("x", 30, globalStep: 3)
        // Events are in the file before it is closed.
        let files = try eventFiles(folder.file("log"))
        #expect(files.map(\.events.count) == [6, 3] && files.allSatisfy { $0.cutOff == nil })
        #expect(files[1].events[1].content == .session(status: 1) && files[1].events[1].step == 3)
        // As PyTorch's writer does, a closed one begins another file.
        try second.close()
        try second.close()
        try second.addScalar("x", 40, globalStep: 4)
        try second.flush()
        #expect(try eventFiles(folder.file("log")).map(\.events.count) == [6, 3, 2])
        for name in try #require(try Folder.names(in: folder.file("log"))) {
            let parts = name.split(separator: ".")
            #expect(
                name.hasPrefix("events.out.tfevents.") && parts[3].count == 10 && Int(parts[3]) != nil && parts.contains("\(getpid())"),
                "\(name)")
        }
    }

    @Test func aKilledWriterLeavesWholeEvents() async throws {
        let path = folder.file("log")
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
            let writer = try SummaryWriter(path)
            for step in 0..<100 { try writer.addScalar("x", Double(step), step) }
            kill(getpid(), SIGKILL)
        }
        let file = try #require(try eventFiles(path).first)
        #expect(file.events.count == 101 && file.cutOff == nil)
    }

    /// A disk that is full in the middle of an event leaves no part of it; what is written later follows whole.
    @Test func whatIsHalfWrittenIsTakenBack() async throws {
        let path = folder.file("log")
        await #expect(processExitsWith: .success) { [path = path as String] in
            signal(SIGXFSZ, SIG_IGN)
            let writer = try SummaryWriter(path)
            try writer.addScalar("x", 1, 1)
            var limits = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limits)
            let before = limits.rlim_cur
            limits.rlim_cur = 300
            setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limits)
            precondition(message { try writer.addText("x", String(repeating: "x", count: 1000)) }.contains(path))
            limits.rlim_cur = before
            setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limits)
            try writer.addScalar("x", 2, 2)
        }
        let file = try #require(try eventFiles(path).first)
        #expect(file.cutOff == nil && values(file.events).map(\.step) == [1, 2])
    }

    @Test func severalThreadsWriteWholeEvents() async throws {
        let writer = try writer
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for step in 0..<50 {
                        try writer.addScalar("task/\(task)", Double(step), step)
                        try writer.addScalars("both", ["\(task % 2)": Double(step)], step)
                    }
                }
            }
            try await group.waitForAll()
        }
        let found = values(try log())
        for task in 0..<8 { #expect(found.filter { $0.value.tag == "task/\(task)" }.map(\.step) == Array(0..<50)) }
        for run in ["both_0", "both_1"] { #expect(values(try log(run)).count == 200) }
    }

    @Test func whatCannotBeWrittenIsNamed() throws {
        folder.write([1], "file")
        #expect(message { _ = try SummaryWriter(folder.file("file")) }.contains(folder.file("file")))
        #expect(message { _ = try SummaryWriter(folder.file("file/log")) }.contains(folder.file("file")))
        let writer = try writer
        let x = Tensor.zeros(2, 3)
        for (text, call) in [
            ("one number is wanted", { try writer.addScalar("x", x) }),
            ("one number is wanted", { try writer.addScalars("x", ["a": 1.0, "b": x]) }),
            ("one number is wanted", { try writer.addHparams(["lr": 1], ["m": x]) }),
            ("edges must", { try writer.addHistogram("x", x, bins: .edges([1, 1])) }),
            ("edges must", { try writer.addHistogram("x", x, bins: .edges([1])) }),
            ("edges must", { try writer.addHistogram("x", x, bins: .equal(0)) }),
            ("maxBins 0", { try writer.addHistogram("x", x, maxBins: 0) }),
            ("has 2 dimensions", { try writer.addImage("x", x) }),
            ("2 channels", { try writer.addImage("x", x.unsqueeze(0), dataformats: "HCW") }),
            ("each once", { try writer.addImage("x", x, dataformats: "HH") }),
            ("makes no picture", { try writer.addImage("x", Tensor.zeros(0, 3), dataformats: "HW") }),
            ("'opt'", { try writer.addHparams(["opt": "sgd"], [:], hparamDomainDiscrete: ["opt": [1]]) }),
            ("same name", { try writer.addGraph([GraphNode("a", op: "x"), GraphNode("a", op: "y")]) }),
            ("'b', which is none", { try writer.addGraph([GraphNode("a", op: "x", inputs: ["b"])]) }),
        ] as [(String, () throws -> Void)] {
            let found = message { try call() }
            #expect(found.contains(text), "\(found)")
        }
        #expect(try log().count == 1 && folder.names == ["file", "log"] && (try Folder.names(in: folder.file("log")))?.count == 1)
    }

    @Test func aGraphIsReadAsItWasWritten() throws {
        let nodes = [
            GraphNode("input", op: "Input", shapes: [[1, 3], []]),
            GraphNode("net/fc", op: "Linear", inputs: ["input"], attributes: "bias=true"),
        ]
        let writer = try writer
        try writer.addGraph(nodes)
        guard case .graph(let bytes) = try log()[1].content else { Issue.record("no graph"); return }
        let read = try bytes.region { try GraphNode.decoded($0) }
        #expect(
            read.map(\.name) == ["input", "net/fc"] && read.map(\.op) == ["Input", "Linear"] && read.map(\.inputs) == [[], ["input"]])
    }

    // MARK: Damage

    @Test func liesAreNamed() throws {
        func read(_ bytes: [UInt8]) -> String { message { _ = try EventFile(contentsOf: folder.write(bytes, "lie")) } }
        let first = EventFile.record(TensorBoardEvent(wallTime: 1, .fileVersion("brain.Event:2")).encoded)
        let place = "\(folder.file("lie")), byte "
        #expect(read([]) == "" && read(first) == "")
        #expect(read(EventFile.record([9, 0, 0, 0, 0, 0, 0, 0, 0])).hasPrefix(place + "12: the first event does not name"))
        func after(_ contents: [UInt8]) -> String { read(first + EventFile.record(contents)) }
        let start = first.count + 12
        for (contents, offset, reason) in [
            ([8] + [UInt8](repeating: 0xFF, count: 11), 1, "more than 64 bits"),
            ([8] + [UInt8](repeating: 0xFF, count: 9) + [2], 1, "more than 64 bits"),
            ([0, 0], 0, "a field has the number 0"),
            ([0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 0], 0, "a field has the number"),
            ([8], 1, "the end does"),
            ([9, 0, 0], 1, "only 2 do"),
            ([0x2A, 0x7F, 0], 0, "should have 127 bytes, of its message only 1"),
            ([0x2A] + [UInt8](repeating: 0xFF, count: 9) + [1], 0, "bytes, of its message only 0"),
            ([0x0B, 0x0C], 0, "kind 3"),
            ([8, 1], 0, "'wall_time' is no double"),
            ([0x1A, 2, 0xC3, 0x28], 2, "'file_version' is not UTF-8"),
            ([0x2A, 4, 0x0A, 2, 0x10, 0], 4, "'simple_value' is no float"),
            // A histogram whose packed numbers are no eight bytes each.
            ([0x2A, 9, 0x0A, 7, 0x2A, 5, 0x32, 3, 1, 2, 3], 8, "only 3 do"),
        ] as [([UInt8], Int, String)] {
            let found = after(contents)
            #expect(found.hasPrefix("\(place)\(start + offset):") && found.contains(reason), "\(found)")
        }
        // Wrong checksums, and a length that no message has.
        for at in first.indices {
            var damaged = first
            damaged[at] ^= 1
            #expect(read(damaged).contains("checksum"), "\(at)")
        }
        for count in [UInt64.max, 1 << 63, 1 << 31] {
            let length = withUnsafeBytes(of: count.littleEndian) { Array($0) }
            let checksum = withUnsafeBytes(of: length.withUnsafeBytes(EventFile.masked).littleEndian) { Array($0) }
            #expect(read(first + length + checksum + [0, 0]).hasPrefix("\(place)\(first.count): a record of \(count) bytes, more than"))
        }
    }

    /// Fields that nobody knows are passed over, however deep they are.
    @Test func nestingCostsNothing() throws {
        var deep: [UInt8] = []
        for _ in 0..<2000 {
            var message = ProtobufWriter()
            message.bytes(6, deep)
            deep = message.bytes
        }
        let first = EventFile.record(TensorBoardEvent(wallTime: 1, .fileVersion("brain.Event:2")).encoded)
        let file = try EventFile(contentsOf: folder.write(first + EventFile.record(deep)))
        #expect(file.events.count == 2 && file.events[1].content == .other(6))
    }

    /// As TensorBoard does: what is whole is read, and that something is missing is said.
    @Test func aFileThatIsCutOffIsReadUpToThere() throws {
        let all = bytes(ofFile: RecordedLog.path("hp/"))
        let events = try RecordedLog.events("hp/")
        var ends = [0]
        for event in events { ends.append(ends.last! + EventFile.record(event.encoded).count) }
        for count in all.indices {
            let file = try EventFile(contentsOf: folder.write(Array(all[..<count])))
            let whole = ends.lastIndex { $0 <= count }!
            #expect(file.events.count == whole && (file.cutOff == nil) == (ends[whole] == count))
            if let cutOff = file.cutOff { #expect("\(cutOff)".contains("byte \(ends[whole]): the last record is cut off")) }
        }
    }

    @Test func damageNeverCrashes() async {
        await #expect(processExitsWith: .success) {
            fuzz(bytes(ofFile: RecordedLog.path("hp/")), mutations: 3000, truncationsThrow: false) { _ = try EventFile(contentsOf: $0) }
        }
        // Damage behind right checksums.
        await #expect(processExitsWith: .success) {
            let first = EventFile.record(TensorBoardEvent(wallTime: 1, .fileVersion("brain.Event:2")).encoded)
            for event in try RecordedLog.events() where event.encoded.count < 2000 {
                fuzz(event.encoded, mutations: 100, truncationsThrow: false) { path in
                    _ = try (first + EventFile.record(bytes(ofFile: path))).region(of: path) { try EventFile($0) }
                }
            }
        }
    }
}

extension [UInt8] {
    /// Calls `body` with the bytes as a region.
    fileprivate func region<Result>(of file: String = "memory", _ body: (ByteRegion) throws -> Result) throws -> Result {
        let unpacked = UnpackedBytes(count: count)!
        withUnsafeBytes { unpacked.bytes.copyMemory(from: $0) }
        return try body(ByteRegion(unpacked.bytes, owner: unpacked, file: file, record: nil))
    }
}
