import ApusCore

/// What a pruning method looks at when others have pruned before.
public enum PruningKind: Sendable {
    /// Single elements that are left.
    case unstructured
    /// Whole channels along a dimension, of which something is left.
    case structured(dim: Int)
    /// Everything, mask included.
    case global
}

/// A way to choose what is pruned. PyTorch: `prune.BasePruningMethod`.
public protocol PruningMethod {
    /// What `computeMask` is given.
    var kind: PruningKind { get }
    /// The mask for elements of importance `scores`, where `defaultMask`, of that shape, is the mask so far.
    func computeMask(_ scores: Tensor, defaultMask: Tensor) -> Tensor
}

extension Prune {
    /// Prunes nothing. PyTorch: `prune.Identity`.
    public struct Identity: PruningMethod {
        /// Prunes nothing.
        public init() {}
        /// Which parts it prunes.
        public var kind: PruningKind { .unstructured }
        public func computeMask(_ scores: Tensor, defaultMask: Tensor) -> Tensor { defaultMask }
    }

    /// Single elements at random. PyTorch: `prune.RandomUnstructured`.
    public struct RandomUnstructured: PruningMethod {
        let amount: Amount
        /// `amount`: a part (from 0 to 1) or a number of elements.
        public init(_ amount: some ScalarConvertible) { self.amount = Amount(amount, "RandomUnstructured") }
        /// Which parts it prunes.
        public var kind: PruningKind { .unstructured }
        public func computeMask(_ scores: Tensor, defaultMask: Tensor) -> Tensor {
            amount.pruned(defaultMask, count: scores.numel) { Tensor.randperm(scores.numel, device: scores.device).narrow(0, 0, $0) }
        }
    }

    /// The elements that are smallest in absolute value. PyTorch: `prune.L1Unstructured`.
    public struct L1Unstructured: PruningMethod {
        let amount: Amount
        /// `amount`: a part (from 0 to 1) or a number of elements.
        public init(_ amount: some ScalarConvertible) { self.amount = Amount(amount, "L1Unstructured") }
        /// Which parts it prunes.
        public var kind: PruningKind { .unstructured }
        public func computeMask(_ scores: Tensor, defaultMask: Tensor) -> Tensor {
            amount.pruned(defaultMask, count: scores.numel) { scores.abs().reshape([-1]).topk($0, dim: 0, largest: false).indices }
        }
    }

    /// Channels along `dim` at random. PyTorch: `prune.RandomStructured`.
    public struct RandomStructured: PruningMethod {
        let amount: Amount
        let dim: Int
        /// `amount`: a part (from 0 to 1) or a number of slices along `dim`.
        public init(_ amount: some ScalarConvertible, dim: Int = -1) {
            self.amount = Amount(amount, "RandomStructured")
            self.dim = dim
        }
        /// Which parts it prunes.
        public var kind: PruningKind { .structured(dim: dim) }
        public func computeMask(_ scores: Tensor, defaultMask: Tensor) -> Tensor {
            amount.prunedChannels(scores, defaultMask, dim) { count, pruned, _ in
                Tensor.randperm(count, device: scores.device).narrow(0, 0, pruned)
            }
        }
    }

    /// The channels along `dim` whose `n`-norm is smallest. PyTorch: `prune.LnStructured`.
    public struct LnStructured: PruningMethod {
        let amount: Amount
        let n: Double
        let dim: Int
        /// `amount`: a part (from 0 to 1) or a number of slices along `dim`; `n`: the norm that they are compared by.
        public init(_ amount: some ScalarConvertible, n: Double, dim: Int = -1) {
            self.amount = Amount(amount, "LnStructured")
            self.n = n
            self.dim = dim
        }
        /// Which parts it prunes.
        public var kind: PruningKind { .structured(dim: dim) }
        public func computeMask(_ scores: Tensor, defaultMask: Tensor) -> Tensor {
            amount.prunedChannels(scores, defaultMask, dim) { _, pruned, others in
                scores.norm(p: n, dim: others).topk(pruned, dim: 0, largest: false).indices
            }
        }
    }

    /// A mask of one's own. PyTorch: `prune.CustomFromMask`.
    public struct CustomFromMask: PruningMethod {
        let mask: Tensor
        /// A mask of the parameter's shape: 0 where it is pruned.
        public init(_ mask: Tensor) { self.mask = mask }
        /// Which parts it prunes.
        public var kind: PruningKind { .global }
        public func computeMask(_ scores: Tensor, defaultMask: Tensor) -> Tensor {
            if !mask.isPoisoned && mask.shape != defaultMask.shape {
                return fail("Prune.CustomFromMask", "a mask of shape \(mask.shape) does not fit a parameter of shape \(defaultMask.shape)")
            }
            return defaultMask * mask.to(defaultMask.dtype)
        }
    }

    /// How many are pruned.
    struct Amount {
        let amount: Scalar
        let owner: String

        init(_ amount: some ScalarConvertible, _ owner: String) {
            self.owner = "Prune.\(owner)"
            let scalar = amount.scalar
            var isValid = scalar.doubleValue >= 0
            if case .double(let fraction) = scalar { isValid = fraction >= 0 && fraction <= 1 }
            self.amount = isValid ? scalar : .int(0)
            if !isValid { fail(self.owner, "an amount is a fraction from 0 to 1 or a number of elements, not \(repr(scalar))") }
        }

        /// Of `count`; nil after the error of too many.
        private func number(of count: Int) -> Int? {
            // As Python rounds: to even.
            if case .double(let fraction) = amount { return Int((fraction * Double(count)).rounded(.toNearestOrEven)) }
            let number = Int(amount.doubleValue)
            if number <= count { return number }
            fail(owner, "\(number) are to be pruned, but there are \(count)")
            return nil
        }

        /// `mask` with zeros at the elements of the flattened tensor that `choose` picks.
        func pruned(_ mask: Tensor, count: Int, _ choose: (Int) -> Tensor) -> Tensor {
            guard let number = number(of: count) else { return Tensor.poisoned }
            return number == 0 ? mask : mask.reshape([-1]).indexFill(dim: 0, choose(number), 0).reshape(mask.shape)
        }

        /// `mask` with zeros in the channels along `dim` that `choose` picks, given how many there are, how many to prune, and the other dimensions.
        func prunedChannels(_ scores: Tensor, _ mask: Tensor, _ dim: Int, _ choose: (Int, Int, [Int]) -> Tensor) -> Tensor {
            composite(owner, scores, mask) { () throws(OpError) in
                guard scores.ndim > 1 else {
                    throw OpError("channels can be pruned of tensors with 2 dimensions or more, this one has shape \(scores.shape)")
                }
                let at = try normalize(dim: dim, ndim: scores.ndim)
                let count = scores.shape[at]
                guard let number = number(of: count) else { return Tensor.poisoned }
                return number == 0 ? mask : mask.indexFill(dim: at, choose(count, number, (0..<scores.ndim).filter { $0 != at }), 0)
            }
        }
    }
}
