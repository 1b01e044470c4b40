// swift-format-ignore-file
// Written by Tests/CoverageTests/coverage: every name that docs/coverage.md lists, used once. It does not compile where one is missing.
import Apus

extension Symbols {
    static func useTensor0(_ x: Tensor, _ y: Tensor, _ m: Linear, _ conv: Conv1d, _ bn: BatchNorm1d, _ packed: PackedSequence) {
        _ = (1 / x).floor()
        _ = (x .== 1).any().item(Bool.self)
        _ = -x
        _ = 1 * x
        _ = 1 ** x
        _ = 1 + x
        _ = 1 - x
        _ = 1 / x
        _ = DType.promote(.int64, .float32)
        _ = StateDict.load(from:)
        _ = StateDict.save(to:metadata:)
        _ = Tensor(bytes: [1], shape: [1], dtype: .uint8)
        _ = x.abs()
        _ = x.abs_()
        _ = x.acos()
        _ = x.acosh()
        _ = x.add(x, alpha: 1)
        _ = x.add_(x)
        _ = x.addcdiv(x, x)
        _ = x.addcmul(x, x)
        _ = x.addmm(x, x)
        _ = x.all()
        _ = x.allclose(x)
        _ = x.amax()
        _ = x.amin()
        _ = x.any()
        _ = Tensor.arange(1)
        _ = x.argmax(dim: 1)
        _ = x.argmin(dim: 1)
        _ = x.argsort()
        _ = x.asin()
        _ = x.asinh()
        _ = x.asStrided([1], [1])
        _ = x.atan()
        _ = x.atan2(x)
        _ = x.atanh()
        x.backward()
        _ = x.baddbmm(x, x)
        _ = x.bernoulli()
        _ = Tensor.bernoulli([1], p: 1)
        _ = x.bfloat16()
        _ = x.bmm(x)
        _ = x.bool()
        _ = Tensor.cat([x])
        _ = x.ceil()
        _ = x.cholesky()
        _ = x.chunk(1)
        _ = x.clamp(min: 0)
        _ = x.clamp_()
        _ = x.clone()
        _ = x.coalesce()
        _ = x.contiguous()
        _ = x.copy_(x)
        _ = x.copysign(x)
        _ = x.cos()
        _ = x.cosh()
        _ = x.cumprod(dim: 1)
        _ = x.cumsum(dim: 1)
        _ = x.description
        _ = x.detach()
    }

    static func useTensor1(_ x: Tensor, _ y: Tensor, _ m: Linear, _ conv: Conv1d, _ bn: BatchNorm1d, _ packed: PackedSequence) {
        _ = x.device
        _ = x.diagonal()
        _ = x.digamma()
        _ = x.div(x)
        _ = x.div_(x)
        _ = x.dot(x)
        _ = x.double()
        _ = x.dtype
        _ = Tensor.einsum("weight", x)
        _ = Tensor.empty([1])
        _ = Tensor.empty(like: x)
        _ = x.eq(x)
        _ = x.equal(x)
        _ = x.erf()
        _ = x.erfc()
        _ = x.erfinv()
        _ = x.exp()
        _ = x.exp2()
        _ = x.exp_()
        _ = x.expand([1])
        _ = x.expm1()
        _ = Tensor.eye(1)
        _ = x.fill_(1)
        _ = x.flatten()
        _ = x.flip([1])
        _ = x.float()
        _ = x.floor()
        _ = x.floorDivide(x)
        _ = x.fmod(x)
        _ = x.frac()
        _ = x.frexp()
        _ = Tensor.full([1], 1)
        _ = Tensor.full(like: x, 1)
        _ = x.gammainc(x)
        _ = x.gather(1, x)
        _ = x.ge(x)
        _ = x.grad
        _ = x.gradFn
        _ = x.gt(x)
        _ = x.half()
        _ = x.hardshrink()
        _ = x.heaviside(x)
        _ = x.hypot(x)
        _ = x.indexAdd(dim: 1, x, x)
        _ = x.indexAdd_(dim: 1, x, x)
        _ = x.indexFill(dim: 1, x, 1)
        _ = x.indexSelect(dim: 1, x)
        _ = x.int()
        _ = x.isclose(x)
        _ = x.isContiguous
        _ = x.isfinite()
        _ = x.isinf()
        _ = x.isLeaf
        _ = x.isnan()
        _ = x.isSparse
        _ = x.item()
        _ = x.kthvalue(1)
        _ = x.le(x)
        _ = x.lerp(x, 1)
        _ = x.lerp_(x, 1)
    }

    static func useTensor2(_ x: Tensor, _ y: Tensor, _ m: Linear, _ conv: Conv1d, _ bn: BatchNorm1d, _ packed: PackedSequence) {
        _ = x.lgamma()
        _ = Tensor.linspace(1, 1, 1)
        _ = x.log()
        _ = x.log10()
        _ = x.log1p()
        _ = x.log2()
        _ = x.log_()
        _ = x.logaddexp(x)
        _ = x.logicalAnd(x)
        _ = x.logicalNot()
        _ = x.logicalOr(x)
        _ = x.logicalXor(x)
        _ = x.logit()
        _ = x.logSoftmax(dim: 1)
        _ = x.logsumexp(dim: [1])
        _ = x.long()
        _ = x.lt(x)
        _ = x.maskedFill(x, 1)
        _ = x.maskedFill_(x, 1)
        _ = x.maskedSelect(x)
        _ = x.matmul(x)
        _ = x.max()
        _ = x.maximum(x)
        _ = x.mean()
        _ = x.median(dim: 1)
        _ = x.min()
        _ = x.minimum(x)
        _ = x.mm(x)
        _ = x.movedim(1, 1)
        _ = x.mT
        _ = x.mul(x)
        _ = x.mul_(x)
        _ = x.multinomial(1)
        _ = x.mv(x)
        _ = x.narrow(1, 1, 1)
        _ = x.ndim
        _ = x.ndtri()
        _ = x.ne(x)
        _ = x.neg()
        _ = x.neg_()
        _ = x.nonzero()
        _ = x.norm()
        _ = x.normal_()
        _ = x.numel
        _ = Tensor.ones(1)
        _ = Tensor.ones(like: x)
        _ = x.outer(x)
        _ = x.permute([1])
        _ = x.polygamma(1)
        _ = x.pow(x)
        _ = Tensor.pow(1, x)
        _ = x.pow_(1)
        _ = x.prod()
        _ = x.quantile(x, dim: 1)
        _ = Tensor.rand([1])
        _ = Tensor.rand(like: x)
        _ = Tensor.randint(1, 1, [1])
        _ = Tensor.randint(like: x, 0, 9)
        _ = Tensor.randn([1])
        _ = Tensor.randn(like: x)
    }

    static func useTensor3(_ x: Tensor, _ y: Tensor, _ m: Linear, _ conv: Conv1d, _ bn: BatchNorm1d, _ packed: PackedSequence) {
        _ = Tensor.randperm(1)
        _ = x.reciprocal()
        x.registerHook { $0 }
        x.registerPostAccumulateGradHook { _ in }
        _ = x.relu()
        _ = x.relu_()
        _ = x.remainder(x)
        _ = x.remainder_(x)
        _ = x.repeat([1])
        _ = x.repeatInterleave(1, dim: 1)
        _ = x.requiresGrad
        _ = x.requiresGrad_()
        _ = x.reshape([1])
        _ = Tensor.resultType(x, x)
        x.retainGrad()
        _ = x.roll(1, dim: 1)
        _ = x.round()
        _ = x.rsqrt()
        _ = x.scatter(1, x, x)
        _ = x.scatter_(1, x, x)
        _ = x.scatterAdd(1, x, x)
        _ = x.scatterAdd_(1, x, x)
        _ = x.scatterReduce(1, x, x, reduce: .sum)
        _ = x.select(1, 1)
        _ = x.shape
        _ = x.sigmoid()
        _ = x.sigmoid_()
        _ = x.sign()
        _ = x.sin()
        _ = x.sinh()
        _ = x.size(1)
        _ = x.softmax(dim: 1)
        _ = x.solveTriangular(x, upper: true)
        _ = x.sort()
        _ = Tensor.sparseRows(x, x, shape: [1])
        _ = x.sparseRows
        _ = Tensor.sparseRows(x, y, shape: [1])
        _ = x.split(1)
        _ = x.sqrt()
        _ = x.sqrt_()
        _ = x.square()
        _ = x.squeeze(1)
        _ = Tensor.stack([x])
        _ = x.std()
        _ = x.sub(x)
        _ = x.sub_(x)
        _ = x.sum()
        _ = x.t()
        _ = x.tan()
        _ = x.tanh()
        _ = x.tanh_()
        _ = x.threshold(1, 1)
        _ = x.tile([1])
        _ = x.to(.float32)
        _ = x.toDense()
        _ = x.topk(1)
        _ = x.transpose(1, 1)
        _ = x.tril()
        _ = x.triu()
        _ = x.trunc()
    }

    static func useTensor4(_ x: Tensor, _ y: Tensor, _ m: Linear, _ conv: Conv1d, _ bn: BatchNorm1d, _ packed: PackedSequence) {
        _ = x.unbind()
        _ = x.unflatten(1, [1])
        _ = x.unfold(1, 1, 1)
        _ = x.uniform_()
        _ = x.unique()
        _ = x.unsqueeze(1)
        _ = x.var()
        _ = x.view(1)
        _ = Tensor.where(x, x, x)
        _ = Tensor.where(x .> 0, x, y)
        _ = x.xlogy(x)
        _ = x.zero_()
        _ = Tensor.zeros([1])
        _ = Tensor.zeros(like: x)
        _ = x != y
        _ = x % y
        x %= y
        _ = x & y
        x &= y
        _ = x * y
        _ = x ** y
        x *= y
        _ = x + y
        x += y
        _ = x - y
        x -= y
        _ = x / y
        x /= y
        _ = x < y
        _ = x << y
        x <<= y
        _ = x <= y
        _ = x == y
        _ = x > y
        _ = x >= y
        _ = x >> y
        x >>= y
        _ = x ^ y
        x ^= y
        _ = x | y
        x |= y
        _ = x.array(Float.self)
        _ = x.device.isCPU
        _ = x.device.isCUDA
        _ = x.dtype.isFloatingPoint
        _ = x.dtype.size
        _ = x.expand(as: y)
        _ = x.flip(0)
        _ = x.item()
        _ = x.item(Bool.self)
        _ = x.item(Int.self)
        _ = x.shape == y.shape
        _ = x.size(0)
        _ = x.sum(toShape: [1])
        _ = x.to(.cpu)
        _ = x.to(.cuda())
        _ = x.to(.int16)
        _ = x.to(.int8)
        _ = x.to(.uint8)
        _ = x.to(y.dtype)
    }

    static func useTensor5(_ x: Tensor, _ y: Tensor, _ m: Linear, _ conv: Conv1d, _ bn: BatchNorm1d, _ packed: PackedSequence) {
        _ = x[.newAxis]
        _ = x[0]
        x[0] = y
        _ = x[[0, 1]] = y
        _ = ~x
    }
}
