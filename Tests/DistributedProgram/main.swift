// A program of several processes, which the tests start under each launcher that there is: DistributedProgram WHAT [ARGUMENTS].
import ApusCore
import ApusDistributed
import ApusSystem
import Glibc

func say(_ text: String) {
    print(text)
    fflush(nil)
}

let what = CommandLine.arguments.dropFirst().first ?? "laws"
do {
    let group = try ProcessGroup.world(isFunneled: what == "funneled")
    let isLast = group.rank == group.size - 1
    let ones = Tensor.ones([1000])
    func report(_ laws: Laws) {
        for violation in laws.violations { say(violation) }
        if laws.violations.isEmpty { say("rank \(group.rank) of \(group.size), \(threadCount) threads: all laws hold") }
        if !laws.violations.isEmpty { exit(1) }
    }
    switch what {
    case "laws", "funneled":
        var laws = Laws(group)
        try laws.reductions([.float32, .bfloat16])
        try laws.movements()
        try laws.large([1, 400_001])
        try laws.splits()
        report(laws)
    case "devices":
        // On NVIDIA devices: each process's own, or the first one for all.
        var laws = Laws(group, on: CommandLine.arguments[2] == "own" ? group.device(from: .cuda()) : .cuda())
        try laws.reductions([.float32, .bfloat16, .int32])
        try laws.movements()
        try laws.large([1, 400_001])
        try laws.splits()
        report(laws)
    case "learn":
        let (device, shards) = (Device(CommandLine.arguments[2])!, Int(CommandLine.arguments[3])!)
        let hash = try learn(
            in: group, on: group.device(from: device), shards: shards, sharesSteps: CommandLine.arguments[4] == "shared")
        say("rank \(group.rank) has \(String(hash, radix: 16))")
    case "memory":
        let (measured, expected) = try memory(in: group, sharesSteps: CommandLine.arguments[2] == "shared")
        say("rank \(group.rank): \(measured) bytes of \(expected)")
    case "counts":
        try group.allReduce(isLast ? Tensor.ones([1001]) : ones)
    case "kinds":
        if isLast { try group.broadcast(ones) } else { try group.allReduce(ones) }
    case "dtypes":
        try group.allReduce(isLast ? ones.to(.float64) : ones)
    case "message":
        if group.rank == 0 { try group.send(ones, to: 1) }
        if group.rank == 1 { try group.receive(into: Tensor.zeros([10]), from: 0) }
        try group.barrier()
    case "end":
        if isLast { exit(0) }
        try group.allReduce(ones)
    case "failure":
        if isLast { exit(3) }
        try group.allReduce(ones)
    case "sleep":
        // The rank that is missing; the others wait for it in different places.
        let missing = Int(CommandLine.arguments[2])!
        group.place("step 5, \(group.rank == missing ? "evaluation: batch 3 of 10" : "the gradients")")
        if group.rank == missing { sleep(60) }
        try group.startSum(ones.pointer, count: 1000, .float32).wait()
    case "stopped":
        // A process that does not even answer.
        if isLast { raise(SIGSTOP) }
        try group.allReduce(ones)
    case "abort":
        if isLast { group.abort(5) }
        try group.allReduce(ones)
    case "time":
        try measure(group)
    default:
        say("unknown: \(what)")
        exit(64)
    }
} catch {
    let text = Array("\(error)\n".utf8)
    _ = write(2, text, text.count)
    exit(1)
}

/// Microseconds of sums, as the best and the median of many.
func measure(_ group: ProcessGroup) throws {
    for (bytes, repeats) in [(1024, 2000), (102_400, 500), (10_485_760, 40), (104_857_600, 20)] {
        let tensor = Tensor.ones([bytes / 4])
        for isOrdered in [true, false] {
            var times: [Double] = []
            for _ in 0..<repeats + repeats / 4 {
                try group.barrier()
                let start = monotonicSeconds()
                try group.allReduce(tensor, allowsUnorderedSums: !isOrdered)
                times.append((monotonicSeconds() - start) * 1e6)
            }
            times = times.suffix(repeats).sorted()
            if group.isFirst { say("\(bytes) \(isOrdered ? "ordered" : "unordered") \(Int(times[0])) \(Int(times[times.count / 2]))") }
        }
        var times: [Double] = []
        for _ in 0..<repeats {
            let start = monotonicSeconds()
            try group.startSum(tensor.pointer, count: bytes / 4, .float32).wait()
            times.append((monotonicSeconds() - start) * 1e6)
        }
        times.sort()
        if group.isFirst { say("\(bytes) beside \(Int(times[0])) \(Int(times[times.count / 2]))") }
    }
}
