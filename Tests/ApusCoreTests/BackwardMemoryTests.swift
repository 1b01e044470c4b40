import ApusCore
import ApusNN
import CKernels
import Foundation
import Testing

/// The derivative of a function of n numbers needs memory proportional to n.
@Suite struct BackwardMemoryTests {
    typealias Function = @Sendable (Tensor) -> Tensor
    static let ofVectors: [(name: String, f: Function)] = [
        ("sum", { $0.sum() }), ("mean", { $0.mean() }), ("prod", { $0.prod() }), ("amax", { $0.amax() }),
        ("max", { $0.max(dim: 0).values }), ("var", { $0.var() }),
        ("std", { $0.std() }), ("norm", { $0.norm() }), ("norm 3", { $0.norm(p: 3) }), ("norm inf", { $0.norm(p: .infinity) }),
        ("logsumexp", { $0.logsumexp(dim: 0) }),
        ("cumsum", { $0.cumsum(dim: 0) }), ("cumprod", { $0.cumprod(dim: 0) }),
        ("cumprod of columns", { $0.reshape(-1, 4).cumprod(dim: 0) }),
        ("median", { $0.median() }), ("median dim", { $0.median(dim: 0).values }), ("kthvalue", { $0.kthvalue(3).values }),
        ("quantile", { $0.quantile(0.4) }),
        ("sort", { $0.sort(dim: 0).values }), ("topk", { $0.topk(5).values }), ("softmax", { $0.softmax(dim: 0) }),
        ("logSoftmax", { $0.logSoftmax(dim: 0) }),
        ("flip", { $0.flip(0) }), ("roll", { $0.roll(3, dim: 0) }), ("repeat", { $0.repeat(3) }), ("pad", { $0.pad([2, 3]) }),
        ("cat", { Tensor.cat([$0, $0]) }),
        ("stack", { Tensor.stack([$0, $0]) }), ("unfold", { $0.unfold(0, 8, 4) }), ("narrow", { $0.narrow(0, 1, 20) }),
        ("select", { $0.select(0, 7) }),
        ("step", { $0[stride(from: 0, to: 400, by: 3)] }), ("expand", { $0.unsqueeze(0).expand(3, $0.numel) }),
        ("tril", { $0.reshape(-1, 4).tril() }),
        ("diagonal", { $0.reshape(-1, 4).diagonal() }), ("asStrided", { $0.asStrided([20, 3], [2, 1]) }),
        ("transposed", { $0.reshape(-1, 4).t().contiguous() }),
        ("gather", { $0.gather(0, Tensor.arange($0.numel)) }), ("scatter", { $0.scatter(0, Tensor.arange($0.numel), $0 * 2) }),
        ("scatterAdd", { $0.scatterAdd(0, Tensor.arange($0.numel), $0 * 2) }),
        ("scatter prod", { $0.scatterReduce(0, Tensor.arange($0.numel), $0 * 2, reduce: .prod) }),
        ("scatter amax", { $0.scatterReduce(0, Tensor.arange($0.numel), $0 * 2, reduce: .amax) }),
        ("indexSelect", { $0.indexSelect(dim: 0, Tensor.arange($0.numel)) }),
        ("indexAdd", { $0.indexAdd(dim: 0, Tensor.arange($0.numel), $0 * 2) }),
        ("indexFill", { $0.indexFill(dim: 0, Tensor.arange(7), 1.0) }),
        ("maskedFill", { $0.maskedFill($0.detach().gt(0), 1.0) }), ("maskedSelect", { $0.maskedSelect($0.detach().gt(0)) }),
        ("index tensors", { $0[Tensor.arange($0.numel)] }),
        (
            "assignment",
            { x in
                let y = x * 1; y[Tensor.arange(9)] = x[0..<9]; y[1] = 3; return y
            }
        ),
        (
            "change of a view",
            { x in
                let y = x * 1; y[1..<9].mul_(2); return y
            }
        ),
        ("where", { Tensor.where($0.detach().gt(0), $0, $0 * 2) }), ("to", { $0.to(.float32).to(.float64) }),
        ("matmul", { $0.reshape(-1, 4).matmul(Tensor.ones([4, 2], dtype: .float64)) }),
        ("dot", { $0.dot($0) }), ("einsum", { Tensor.einsum("i,i->i", $0, $0) }),
        ("conv1d", { F.conv1d($0.reshape(1, 1, -1), Tensor.ones([2, 1, 3], dtype: .float64)) }),
        ("convTranspose1d", { F.convTranspose1d($0.reshape(1, 1, -1), Tensor.ones([1, 2, 3], dtype: .float64)) }),
        ("maxPool1d", { F.maxPool1d($0.reshape(1, 1, -1), kernelSize: 2) }),
        ("avgPool1d", { F.avgPool1d($0.reshape(1, 1, -1), kernelSize: 2) }),
        ("interpolate", { F.interpolate($0.reshape(1, 1, -1), scaleFactor: 2, mode: .linear) }),
        ("layerNorm", { F.layerNorm($0.reshape(-1, 4), [4]) }),
        ("crossEntropy", { F.crossEntropy($0.reshape(-1, 4), Tensor.zeros([$0.numel / 4], dtype: .int64)) }),
        ("mseLoss", { F.mseLoss($0, $0.detach() * 2) }),
        ("embedding", { F.embedding(Tensor.arange($0.numel / 4), $0.reshape(-1, 4)) }),
    ]

    static let functions: [(name: String, f: Function)] = {
        var all = ofVectors
        for c in DerivativeTests.unaryCases { all.append((name: c.name, f: c.f)) }
        for c in DerivativeTests.binaryCases { all.append((name: c.name, f: { x in c.f(x, x * 0.5 + 1) })) }
        return all
    }()

    /// The bytes of the cached blocks after a pass equal the peak of the pass, in size classes that double with n.
    @Test func growsAsTheInput() async throws {
        let result = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
            var wrong: [String] = []
            for (name, f) in Self.functions {
                func bytes(_ n: Int) -> Double {
                    apus_release_kept()
                    do {
                        let x = DerivativeTests.numbers([n], from: 0.2, to: 0.8).requiresGrad_()
                        let y = f(x)
                        y.backward(gradient: Tensor.ones(like: y.detach()))
                    }
                    return Double(apus_kept_bytes())
                }
                _ = bytes(1024)
                let (small, large) = (bytes(8192), bytes(16384))
                if large > 2.2 * small { wrong.append("\(name): \(Int(small)) bytes for 8,192 numbers, \(Int(large)) for 16,384") }
            }
            print("<\(Self.functions.count) functions\(wrong.map { "\n" + $0 }.joined())>")
        }
        let output = String(decoding: try #require(result).standardOutputContent, as: UTF8.self)
        let report = try #require(output.split(separator: "<").last?.split(separator: ">").first.map(String.init))
        #expect(report == "\(Self.functions.count) functions")
    }
}
