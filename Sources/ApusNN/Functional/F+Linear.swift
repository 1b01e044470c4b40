import ApusCore

extension F {
    /// x·Wᵀ + b for x [*, in], weight [out, in], bias [out] → [*, out]; for a weight [in] the result is [*]. PyTorch: `F.linear`.
    public static func linear(_ input: Tensor, _ weight: Tensor, bias: Tensor? = nil) -> Tensor { input.linear(weight, bias) }

    /// y_o = Σ_ij x1_i·W_oij·x2_j + b_o for x1 [*, in1], x2 [*, in2], weight [out, in1, in2], bias [out] → [*, out].
    /// PyTorch: `F.bilinear`.
    public static func bilinear(_ input1: Tensor, _ input2: Tensor, _ weight: Tensor, bias: Tensor? = nil) -> Tensor {
        if let bias, bias.isPoisoned { return bias }
        return composite("bilinear", .widest, input1, input2, weight) { (input1, input2, weight) throws(OpError) in
            guard weight.ndim == 3 else {
                throw OpError("weight must be [out_features, in1_features, in2_features], its shape is \(weight.shape)")
            }
            guard input1.ndim >= 1, input1.ndim == input2.ndim, input1.shape.dropLast().elementsEqual(input2.shape.dropLast()) else {
                throw OpError("inputs of shapes \(input1.shape) and \(input2.shape) must agree in all dimensions but the last")
            }
            let (out, in1, in2) = (weight.shape[0], weight.shape[1], weight.shape[2])
            guard input1.shape[-1] == in1 else {
                throw OpError(
                    "input1 of shape \(input1.shape) does not fit weight of shape \(weight.shape): its last extent must be \(in1)")
            }
            guard input2.shape[-1] == in2 else {
                throw OpError(
                    "input2 of shape \(input2.shape) does not fit weight of shape \(weight.shape): its last extent must be \(in2)")
            }
            if let bias, bias.shape != [out] { throw OpError("bias of shape \(bias.shape) does not fit \(out) output features") }
            let batch = Array(input1.shape.dropLast())
            let rows = batch.reduce(1, *)
            // Multiply x1 by W in one matrix product; then contract with x2.
            let left = input1.reshape([rows, in1]).matmul(weight.permute(1, 0, 2).reshape([in1, out * in2])).reshape([rows, out, in2])
            var y = left.matmul(input2.reshape([rows, in2, 1])).reshape(Shape(batch + [out]))
            if let bias { y = y + bias }
            return y
        }
    }

    /// Cosine of the angle between x1 and x2, which broadcast, along `dim`: x1·x2 / (max(‖x1‖, eps)·max(‖x2‖, eps)).
    /// PyTorch: `F.cosine_similarity`.
    public static func cosineSimilarity(_ x1: Tensor, _ x2: Tensor, dim: Int = 1, eps: Double = 1e-8) -> Tensor {
        composite("cosineSimilarity", .float32, x1, x2) { (x1, x2) throws(OpError) in
            guard Tensor.resultType(x1, x2).isFloatingPoint else {
                throw OpError("is for floats, the inputs are \(x1.dtype) and \(x2.dtype)")
            }
            guard let shape = Shape.broadcast(x1.shape, x2.shape) else {
                throw OpError("shapes \(x1.shape) and \(x2.shape) do not broadcast")
            }
            _ = try ApusCore.normalize(dim: dim, ndim: shape.count)
            let (a, b) = (x1.expand(shape), x2.expand(shape))
            let lengths = a.norm(p: 2, dim: [dim], keepDim: true).clamp(min: eps),
                others = b.norm(p: 2, dim: [dim], keepDim: true).clamp(min: eps)
            return ((a / lengths) * (b / others)).sum(dim: dim)
        }
    }

    /// ‖x1 − x2 + eps‖ₚ along the last dimension. PyTorch: `F.pairwise_distance`.
    public static func pairwiseDistance(_ x1: Tensor, _ x2: Tensor, p: Double = 2, eps: Double = 1e-6, keepDim: Bool = false) -> Tensor {
        (x1 - x2 + eps).norm(p: p, dim: [-1], keepDim: keepDim)
    }

    /// ‖xᵢ − xⱼ‖ₚ for every pair of rows i < j of x [N, M], in the order 01, 02, …, 12, …: [N(N − 1)/2]. PyTorch: `F.pdist`.
    ///
    /// p from 0 (the number of differing elements) to infinity. Equal rows have derivative 0. It stores all N(N − 1)/2·M differences.
    public static func pdist(_ input: Tensor, p: Double = 2) -> Tensor {
        composite("pdist", .float32, input) { (input) throws(OpError) in
            guard input.ndim == 2 else { throw OpError("is for matrices, the input has shape \(input.shape)") }
            guard input.dtype.isFloatingPoint else {
                throw OpError("is for floating-point tensors, the input is \(input.dtype); convert it with to(.float32)")
            }
            guard p >= 0 else { throw OpError("p must not be negative, it is \(p)") }
            let rows = input.shape[0]
            let pairs = (0..<rows).flatMap { i in (i + 1..<max(rows, i + 1)).map { (Int64(i), Int64($0)) } }
            // Computed from the input, so that its gradient is zeros instead of none.
            if pairs.isEmpty || input.shape[1] == 0 {
                return input.narrow(0, 0, 0).sum() * 0 + Tensor.zeros([pairs.count], dtype: input.dtype, device: input.device)
            }
            let first = Tensor(pairs.map(\.0), shape: [pairs.count], device: input.device),
                second = Tensor(pairs.map(\.1), shape: [pairs.count], device: input.device)
            let difference = input.indexSelect(dim: 0, first) - input.indexSelect(dim: 0, second)
            if p == 0 || p == 1 || p == 2 || p == .infinity { return difference.norm(p: p, dim: [1]) }
            // Powers and roots have infinite slopes at 0, where the subgradient must be 0.
            let isZero = noGrad { difference.detach().eq(0) }
            let isEqual = noGrad { isZero.all(dim: 1) }
            let powers = difference.maskedFill(isZero, 1).abs().pow(p).maskedFill(isZero, 0).sum(dim: 1)
            return powers.maskedFill(isEqual, 1).pow(1 / p).maskedFill(isEqual, 0)
        }
    }

    /// x / max(‖x‖ₚ, eps) along `dim`. PyTorch: `F.normalize`.
    public static func normalize(_ input: Tensor, p: Double = 2, dim: Int = 1, eps: Double = 1e-12) -> Tensor {
        input / input.norm(p: p, dim: [dim], keepDim: true).clamp(min: eps)
    }

    /// int64 classes [*] → int64 [*, numClasses], 1 at the class and 0 elsewhere. `numClasses` −1 means the largest class + 1.
    /// PyTorch: `F.one_hot`. Traps for other dtypes and on a class outside 0 ..< numClasses.
    public static func oneHot(_ tensor: Tensor, numClasses: Int = -1) -> Tensor {
        composite("oneHot", tensor) { () throws(OpError) in
            guard tensor.dtype == .int64 else { throw OpError("classes must be int64, they are \(tensor.dtype)") }
            guard numClasses > 0 || numClasses == -1 && tensor.numel > 0 else {
                throw OpError("numClasses must be positive, it is \(numClasses)\(tensor.numel == 0 ? " with no class given" : "")")
            }
            if tensor.numel > 0 {
                let smallest = tensor.min().item(Int.self), largest = tensor.max().item(Int.self)
                guard smallest >= 0 else { throw OpError("class \(smallest) is negative") }
                guard numClasses == -1 || largest < numClasses else {
                    throw OpError("class \(largest) is out of range for \(numClasses) classes")
                }
                let classes = numClasses == -1 ? largest + 1 : numClasses
                return tensor.unsqueeze(-1).eq(Tensor.arange(classes, device: tensor.device)).to(.int64)
            }
            return try Tensor.uninitialized(Shape(Array(tensor.shape) + [numClasses]), .int64, tensor.device)
        }
    }
}
