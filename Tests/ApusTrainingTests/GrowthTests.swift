import Apus
import Foundation
import Testing

@Suite struct GrowthTests {
    /// Graphs, gradients and optimizer state of past steps are all given back. In a process of its own: other tests allocate too.
    @Test func tenThousandStepsKeepTheirMemory() async {
        await #expect(processExitsWith: .success) {
            let model = Sequential(Linear(16, 8), ReLU(), Linear(8, 4))
            let optimizer = Adam(model.parameters(), lr: 1e-3)
            let (x, y) = (Tensor.randn([8, 16]), Tensor.randint(4, [8]))
            func step() {
                optimizer.zeroGrad()
                F.crossEntropy(model(x), y).backward()
                optimizer.step()
            }
            /// Resident memory in bytes.
            func resident() -> Int {
                let fields = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.split(separator: " ") ?? []
                return (fields.count > 1 ? Int(fields[1]) ?? 0 : 0) * sysconf(Int32(_SC_PAGESIZE))
            }
            for _ in 0..<500 { step() }
            let before = resident()
            for _ in 0..<10_000 { step() }
            let growth = resident() - before
            guard before > 0, growth < 2 << 20 else { fatalError("\(growth) bytes more after 10,000 steps, \(before) before") }
        }
    }
}
