extension ReferenceBackend {
    package func matmul(_ a: Tensor, _ b: Tensor, bias: Tensor?, into out: Tensor) {
        matmul(a, b, bias: bias, into: out, as: number(of: out.dtype))
    }

    private func matmul<N: ReferenceNumber>(_ a: Tensor, _ b: Tensor, bias: Tensor?, into out: Tensor, as: N.Type) {
        let (batch, rows, inner, columns) = (out.shape[0], a.shape[1], a.shape[2], b.shape[2])
        let bias = bias.map { elements($0, as: N.self) }
        let (a, b) = (elements(a, as: N.self), elements(b, as: N.self))
        var result = [N](repeating: .zero, count: batch * rows * columns)
        for n in 0..<batch {
            for i in 0..<rows {
                for j in 0..<columns {
                    var sum = ReferenceSum<N>()
                    for k in 0..<inner {
                        sum.add(a[(n * rows + i) * inner + k].times(b[(n * inner + k) * columns + j]))
                    }
                    if let bias { sum.add(bias[j]) }
                    result[(n * rows + i) * columns + j] = sum.value
                }
            }
        }
        store(result, in: out)
    }
}
