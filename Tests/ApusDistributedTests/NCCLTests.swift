import ApusCore
import ApusSystem
import CDrivers
import TestSupport
import Testing
@testable import ApusDistributed

/// Collectives from device to device: on the double of NCCL, whose ranks are processes of this machine (`scripts/check/cuda`), and by one
/// rank on a device that there is.
@Suite(.serialized) struct NCCLTests {
    static let hasDouble = environment("APUS_DOUBLE_NVRTC") != nil

    /// So many ranks with a device each; `record` gets the driver's calls of the last one that writes.
    private func run(
        _ ranks: Int, _ what: [String], devices: Int? = nil, environment: [String] = [], record: String? = nil
    ) throws -> LaunchedRun {
        let settings = ["APUS_DOUBLE_DEVICES=\(devices ?? ranks)"] + environment + (record.map { ["APUS_DOUBLE_RECORD=\($0)"] } ?? [])
        return try launch(ranks == 1 ? nil : .openMPI, ranks, what, environment: settings)
    }

    @Test(.enabled(if: hasDouble && MPI.openMPI.isHere, "scripts/check/cuda runs it"), arguments: [3])
    func lawsHold(ranks: Int) throws {
        let folder = TemporaryFolder()
        let run = try run(ranks, ["devices", "own"], record: folder.file("calls"))
        #expect(run.status == 0, "\(run.output)")
        for rank in 0..<ranks { #expect(run.output.contains("rank \(rank) of \(ranks), 1 threads: all laws hold"), "\(run.output)") }
        let calls = String(decoding: bytes(ofFile: folder.file("calls")), as: UTF8.self)
        for call in ["ncclAllGather", "ncclGroupEnd", "ncclBroadcast", "ncclAllReduce"] {
            #expect(calls.contains("\n\(call)\n"), "\(call)")
        }
    }

    /// The weights after some steps are the same bytes for any number of processes, over NCCL and through host memory.
    @Test(.enabled(if: hasDouble && MPI.openMPI.isHere, "scripts/check/cuda runs it"), arguments: ["whole", "shared"])
    func bytesDoNotDependOnTheNumberOfProcesses(steps: String) throws {
        let folder = TemporaryFolder()
        func hashes(_ ranks: Int, _ environment: [String] = [], record: String? = nil) throws -> Set<Substring> {
            let run = try run(ranks, ["learn", "cuda:0", "4", steps], environment: environment, record: record)
            #expect(run.status == 0, "\(run.output)")
            let lines = run.output.split(separator: "\n").filter { $0.hasPrefix("rank ") }
            #expect(lines.count == ranks, "\(run.output)")
            return Set(lines.map { $0.split(separator: " ").last! })
        }
        func calls(_ file: String) -> String { String(decoding: bytes(ofFile: folder.file(file)), as: UTF8.self) }
        let alone = try hashes(1)
        #expect(alone.count == 1)
        #expect(try hashes(2, record: folder.file("two")) == alone)
        #expect(try hashes(4) == alone)
        #expect(try hashes(2, ["APUS_NCCL=off"], record: folder.file("off")) == alone)
        #expect(calls("two").contains("ncclAllGather") && !calls("off").contains("nccl"))
    }

    @Test(.enabled(if: hasDouble && MPI.openMPI.isHere, "scripts/check/cuda runs it")) func oneDeviceForTwoIsRefused() throws {
        let run = try run(2, ["devices", "first"])
        #expect(run.status == 1)
        #expect(
            run.output.contains("have tensors on the same NVIDIA device; take group.device(from: .cuda()) for each process"),
            "\(run.output)")
        // Through host memory it works.
        let other = try launch(.openMPI, 2, ["devices", "first"], environment: ["APUS_NCCL=off"])
        #expect(other.status == 0, "\(other.output)")
    }

    /// A device for more processes than there are.
    @Test(.enabled(if: hasDouble && MPI.openMPI.isHere, "scripts/check/cuda runs it")) func aMissingDeviceIsNamed() throws {
        let run = try run(2, ["devices", "own"], devices: 1)
        #expect(run.status != 0)
        #expect(run.output.contains("cuda:1") && run.output.contains("there is one device, counted from 0"), "\(run.output)")
    }

    /// What goes wrong in NCCL after a call has returned ends the step that finds it.
    @Test(.enabled(if: hasDouble && MPI.openMPI.isHere, "scripts/check/cuda runs it")) func errorsOfQueuedWorkAreFound() throws {
        let run = try run(2, ["learn", "cuda:0", "4", "whole"], environment: ["APUS_DOUBLE_NCCL_ERROR=5"])
        #expect(run.status != 0)
        #expect(run.output.contains("NCCL failed: invalid usage"), "\(run.output)")
    }

    /// Without other ranks: that the library of this machine takes the calls.
    @Test(.enabled(if: Device.cuda().isAvailable && (try? NCCLLibrary.shared.get()) != nil, "needs CUDA and NCCL")) func aloneOnADevice()
        throws
    {
        let (library, stream) = (try NCCLLibrary.shared.get(), try #require(CUDAStream(.cuda())))
        var id = ncclUniqueId()
        try library.check(library.functions.ncclGetUniqueId(&id), "ncclGetUniqueId")
        let alone = try Communicator(stream, library, rank: 0, size: 1, id: id)
        for dtype in [DType.float32, .bfloat16, .float64] {
            let x = Tensor.arange(1000, dtype: .float32).to(dtype).to(.cuda())
            let before = x.bytes()
            for op in [ProcessGroup.ReduceOp.sum, .max] { try alone.reduce(x, op) }
            try alone.reduceScatter(x, .sum)
            try alone.gather(x)
            try alone.broadcast(x, from: 0)
            if dtype != .bfloat16 { try alone.unorderedSum(x) }
            #expect(x.bytes() == before, "\(dtype)")
        }
        try alone.check()
    }
}
