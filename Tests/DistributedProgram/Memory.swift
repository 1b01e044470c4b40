import ApusCore
import ApusDistributed
import ApusNN
import ApusOptim
import ApusSystem

/// Trains a network of 16.8 million parameters for three steps of Adam, whose steps are shared or whole. Returns the bytes of memory that
/// this process has got for it, and what they should be: 4 a parameter for the weights, 4 for the gradients, 8 for the moments, those by the
/// number of processes where steps are shared.
func memory(in group: ProcessGroup, sharesSteps: Bool) throws -> (measured: Int, expected: Int) {
    try group.barrier()
    let before = anonymousMemory()
    let net = Sequential((0..<16).map { _ in Linear(1024, 1024, bias: false) })
    let model = try DistributedDataParallel(net, in: group)
    let optimizer = Adam(net.parameters(), lr: 1e-4)
    if sharesSteps { try optimizer.sharded(by: model) }
    for _ in 0..<3 {
        model.backward(net(Tensor.randn([8, 1024])).square().mean())
        optimizer.step()
        optimizer.zeroGrad()
    }
    let measured = anonymousMemory() - before
    let count = net.parameters().reduce(0) { $0 + $1.numel }
    try group.barrier()
    return (measured, 8 * count + 8 * count / (sharesSteps ? group.size : 1))
}

/// Bytes of this process's own memory that are there, as the system counts them.
private func anonymousMemory() -> Int {
    Int(firstValue(in: "/proc/self/status", of: "RssAnon")!.split(separator: " ")[0])! * 1024
}
