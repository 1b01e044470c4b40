import ApusCore
import ApusNN
import ApusOptim
import Foundation
import TestSupport
import Testing

/// Every op, forward and backward, with an allocator that refuses its k-th block, for every k: only an error within `checked` may result.
@Suite struct ScarceMemoryTests {
    typealias Call = ([Tensor]) throws -> [Tensor]

    /// Calls of one kind; `fill` passes each to the ledger. There must be so many, and so many blocks refused to kernels.
    struct Family: CustomTestStringConvertible, Sendable {
        let name: String
        let count: Int
        var scratch = 0
        let fill: @Sendable (inout Ledger) throws -> Void
        var testDescription: String { name }
    }

    struct Ledger {
        /// Watches the calls, which then have all memory.
        var watcher: OpWatcher?
        var count = 0
        var scratch = 0
        var complaints: [String] = []

        mutating func check(_ name: String, _ prepare: () throws -> Trial) {
            if let watcher { return watcher.watch(prepare) }
            guard let found = complaintsWithoutMemory(name, scratch: &scratch, prepare) else { return }
            count += 1
            complaints += found
        }

        /// A call on transposed leaves of `shapes`, whose copies need memory, in each dtype.
        mutating func check(
            _ name: String, _ shapes: [Shape], _ dtypes: [DType] = [.float32], on device: Device = .cpu, isTransposed: Bool = true,
            _ call: @escaping Call
        ) {
            for dtype in dtypes {
                let numbers = shapes.enumerated().map { i, shape in
                    DerivativeTests.numbers(isTransposed ? Shape(shape.reversed()) : shape, from: 0.1, to: 0.9, phase: Double(i)).to(dtype)
                        .to(device)
                }
                check("\(name) of \(dtype) on \(device)") {
                    Trial(
                        numbers.map { numbers in
                            let x = isTransposed ? numbers.clone().permute(Array((0..<numbers.ndim).reversed())) : numbers.clone()
                            return dtype.isFloatingPoint ? x.detach().requiresGrad_() : x
                        }, differentiating: call)
                }
            }
        }
    }

    @Test(arguments: families) func calls(_ family: Family) throws { try Self.law(family) }

    static func law(_ family: Family) throws {
        let ledger = try alone {
            var ledger = Ledger()
            try family.fill(&ledger)
            return ledger
        }
        #expect(ledger.complaints.isEmpty, "\(ledger.complaints.joined(separator: "\n"))")
        #expect(
            ledger.count >= family.count && ledger.scratch >= family.scratch, "\(ledger.count) calls, \(ledger.scratch) blocks of kernels")
    }

    /// Ops that no call can apply, and those that have no derivative, with the reason.
    private static let notApplied = [
        "Overwrite": "changes in place record it after they have written",
        "SumOverProcesses": "the other processes of its group would wait for one that lacks memory",
    ]
    private static let notDifferentiated = [
        "Compare": "its result is bool", "Nonzero": "its result is positions", "LDLFactor": "has no derivative, as in PyTorch",
        "SumOverProcesses": notApplied["SumOverProcesses"]!,
    ]

    /// A new op fails this until a family has it, forward and, where it has a derivative, backward.
    @Test func `every op is among the calls`() throws {
        let watcher = try alone {
            var ledger = Ledger(watcher: OpWatcher())
            for family in Self.families { try family.fill(&ledger) }
            return ledger.watcher!
        }
        let declarations = try OpLawTests.declarations()
        let ops = Set(declarations.map(\.name))
        #expect(ops.count == declarations.count, "two ops have one name")
        #expect(ops.subtracting(watcher.applied).sorted() == Self.notApplied.keys.sorted())
        #expect(ops.subtracting(watcher.differentiated).sorted() == Self.notDifferentiated.keys.sorted())
    }

    /// Backends throw errors instead of trapping, and the C code allocates only with functions that can refuse.
    @Test func nothingBelowAnOpFailsByItself() throws {
        let sources = inCheckout("../../Sources")
        func lines(_ folder: String, _ endings: [String], but exceptions: [String] = [], _ pattern: String) throws -> [String] {
            let files = FileManager.default.enumerator(at: sources.appendingPathComponent(folder), includingPropertiesForKeys: nil)
            let forbidden = try Regex(pattern)
            return try (files?.compactMap { $0 as? URL } ?? []).filter {
                endings.contains($0.pathExtension) && !exceptions.contains($0.lastPathComponent)
            }.flatMap { file in
                try String(contentsOf: file, encoding: .utf8).split(separator: "\n").filter { $0.contains(forbidden) }.map {
                    "\(file.lastPathComponent): \($0)"
                }
            }
        }
        #expect(try lines("ApusCore/Backends", ["swift"], "\\b(fail|trap|fatalError)\\(|try!") == [])
        let memory = "\\b(malloc|calloc|realloc|aligned_alloc|posix_memalign|abort)\\("
        #expect(try lines("CKernels", ["c", "h"], but: ["workspace.c", "memory.c", "core.c"], memory) == [])
        #expect(try lines("COneDNN", ["c", "h"], memory) == [])
    }
}

/// The same for device memory, with a sample of the families.
@Suite("Backends: scarce memory") struct ScarceMemoryBackendTests {
    @Test(arguments: BackendTests.devices.filter { !$0.sharesHostMemory }) func families(_ device: Device) throws {
        let families = ScarceMemoryTests.Family(name: "families", count: 20) { ledger in
            for (name, _, _, call) in DTypeBackendTests.functions { ledger.check(name, [[7]], [.float32], on: device) { [call($0[0])] } }
            ledger.check("products", [[5, 6], [6, 4]], [.float32], on: device) { [$0[0].matmul($0[1])] }
            ledger.check("convolution", [[2, 3, 5, 5], [4, 3, 3, 3], [4]], [.float32], on: device) { [F.conv2d($0[0], $0[1], $0[2])] }
            ledger.check("layer norm", [[5, 4], [4], [4]], [.float32], on: device) { [F.layerNorm($0[0], [4], weight: $0[1], bias: $0[2])] }
            ledger.check("softmax", [[5, 4]], [.float32], on: device) { [$0[0].softmax(dim: 0)] }
        }
        try ScarceMemoryTests.law(families)
    }
}
