import ApusSystem
import CKernels
import Glibc

/// What the processes of a world tell each other at startup.
struct ProcessFacts {
    /// The host's name.
    var host: String
    /// Tells apart hosts with the same name.
    var bootID: String
    /// The indices of the processors that this process may run on.
    var processors: [Int]
    /// Model and vector instructions, which determine the kernels that run, and so their bits.
    var kind: String

    static func gather() -> ProcessFacts {
        ProcessFacts(
            host: hostName, bootID: firstLine(of: "/proc/sys/kernel/random/boot_id") ?? "", processors: affinity, kind: processorKind)
    }

    static var hostName: String { ApusSystem.hostName() ?? "unknown host" }

    private static var affinity: [Int] {
        let list = firstValue(in: "/proc/self/status", of: "Cpus_allowed_list") ?? ""
        return list.split(separator: ",").flatMap { part -> [Int] in
            let ends = part.split(separator: "-").compactMap { Int($0) }
            return ends.isEmpty ? [] : Array(ends.first!...max(ends.first!, ends.last!))
        }
    }

    private static var processorKind: String {
        let file = "/proc/cpuinfo"
        let model = firstValue(in: file, of: "model name") ?? firstValue(in: file, of: "CPU part") ?? "unknown processor"
        let flags = firstValue(in: file, of: "flags") ?? firstValue(in: file, of: "Features") ?? ""
        let kinds = ["sse4", "avx", "fma", "f16c", "bmi", "amx", "asimd", "sve", "sme", "bf16", "i8mm", "fphp"]
        let vector = flags.split(separator: " ").filter { flag in kinds.contains { flag.hasPrefix($0) } }.sorted()
        return "\(model): \(vector.joined(separator: " "))"
    }

    private static func firstLine(of path: String) -> String? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var buffer = [CChar](repeating: 0, count: 256)
        guard fgets(&buffer, Int32(buffer.count), file) != nil else { return nil }
        return String(String(fromC: buffer).prefix { $0 != "\n" })
    }

    // MARK: As bytes

    var bytes: [UInt8] {
        Array([host, bootID, processors.map(String.init).joined(separator: " "), kind].joined(separator: "\n").utf8)
    }

    init?(bytes: [UInt8]) {
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard lines.count == 4 else { return nil }
        self.init(host: lines[0], bootID: lines[1], processors: lines[2].split(separator: " ").compactMap { Int($0) }, kind: lines[3])
    }

    init(host: String, bootID: String, processors: [Int], kind: String) {
        (self.host, self.bootID, self.processors, self.kind) = (host, bootID, processors, kind)
    }

    /// How many threads this process should use: its processors, divided by the number of processes on its host that may run on any of
    /// them.
    static func threads(of rank: Int, among all: [ProcessFacts]) -> Int {
        let own = all[rank]
        let sharers = all.filter { $0.isOnHost(of: own) && !Set($0.processors).isDisjoint(with: own.processors) }.count
        return max(1, own.processors.count / max(1, sharers))
    }

    func isOnHost(of other: ProcessFacts) -> Bool { host == other.host && bootID == other.bootID }
}
