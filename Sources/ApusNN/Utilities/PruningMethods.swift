import ApusCore

/// What a pruning method chooses from after earlier prunings.
public enum PruningKind: Sendable {
    /// The elements that are left.
    case unstructured
    /// The channels along a dimension that are not entirely pruned.
    case structured(dim: Int)
    /// All elements, including pruned ones.
    case global
}

/// A way to choose what to prune. PyTorch: `prune.BasePruningMethod`.
public protocol PruningMethod {
    /// The elements that `computeMask` is given.
    var kind: PruningKind { get }
    /// The new mask for elements with importance `scores`; `defaultMask`, of the same shape, is the current mask.
    func computeMask(_ scores: Tensor, defaultMask: Tensor) -> Tensor
}

extension Prune {
    /// Prunes nothing. PyTorch: `prune.Identity`.
    public struct Identity: PruningMethod {
        public init() {}
        public var kind: PruningKind { .unstructured }
        public func computeMask(_ scores: Tensor, defaultMask: Tensor) -> Tensor { defaultMask }
    }

    /// Prunes random elements. PyTorch: `prune.RandomUnstructured`.
    public struct RandomUnstructured: PruningMethod {
        let amount: Amount
        /// `amount`: a fraction (from 0 to 1) or a number of elements.
        public init(_ amount: some ScalarConvertible) { self.amount = Amount(amount, "RandomUnstructured") }
        public var kind: PruningKind { .unstructured }
        public func computeMask(_ scores: Tensor, defaultMask: Tensor) -> Tensor {
            amount.pruned(defaultMask, count: scores.numel) { Tensor.randperm(scores.numel, device: scores.device).narrow(0, 0, $0) }
        }
    }

    /// Prunes the elements with the smallest absolute value. PyTorch: `prune.L1Unstructured`.
    public struct L1Unstructured: PruningMethod {
        let amount: Amount
        /// `amount`: a fraction (from 0 to 1) or a number of elements.
        public init(_ amount: some ScalarConvertible) { self.amount = Amount(amount, "L1Unstructured") }
        public var kind: PruningKind { .unstructured }
        public func computeMask(_ scores: Tensor, defaultMask: Tensor) -> Tensor {
            amount.pruned(defaultMask, count: scores.numel) { scores.abs().reshape([-1]).topk($0, dim: 0, largest: false).indices }
        }
    }

    /// Prunes random channels along `dim`. PyTorch: `prune.RandomStructured`.
    public struct RandomStructured: PruningMethod {
        let amount: Amount
        let dim: Int
        /// `amount`: a fraction (from 0 to 1) or a number of channels along `dim`.
        public init(_ amount: some ScalarConvertible, dim: Int = -1) {
            self.amount = Amount(amount, "RandomStructured")
            self.dim = dim
        }
        public var kind: PruningKind { .structured(dim: dim) }
        public func computeMask(_ scores: Tensor, defaultMask: Tensor) -> Tensor {
            amount.prunedChannels(scores, defaultMask, dim) { count, pruned, _ in
                Tensor.randperm(count, device: scores.device).narrow(0, 0, pruned)
            }
        }
    }

    /// Prunes the channels along `dim` with the smallest `n`-norm. PyTorch: `prune.LnStructured`.
    public struct LnStructured: PruningMethod {
        let amount: Amount
        let n: Double
        let dim: Int
        /// `amount`: a fraction (from 0 to 1) or a number of channels along `dim`; `n`: the norm by which they are compared.
        public init(_ amount: some ScalarConvertible, n: Double, dim: Int = -1) {
            self.amount = Amount(amount, "LnStructured")
            self.n = n
            self.dim = dim
        }
        public var kind: PruningKind { .structured(dim: dim) }
        public func computeMask(_ scores: Tensor, defaultMask: Tensor) -> Tensor {
            amount.prunedChannels(scores, defaultMask, dim) { _, pruned, others in
                scores.norm(p: n, dim: others).topk(pruned, dim: 0, largest: false).indices
            }
        }
    }

    /// Prunes by a given mask. PyTorch: `prune.CustomFromMask`.
    public struct CustomFromMask: PruningMethod {
        let mask: Tensor
        /// A mask of the parameter's shape: 0 at the elements to prune.
        public init(_ mask: Tensor) { self.mask = mask }
        public var kind: PruningKind { .global }
        public func computeMask(_ scores: Tensor, defaultMask: Tensor) -> Tensor {
            if !mask.isPoisoned && mask.shape != defaultMask.shape {
                return fail("Prune.CustomFromMask", "a mask of shape \(mask.shape) does not fit a parameter of shape \(defaultMask.shape)")
            }
            return defaultMask * mask.to(defaultMask.dtype)
        }
    }

    /// The number or fraction of elements to prune.
    struct Amount {
        let amount: Scalar
        let owner: String

        init(_ amount: some ScalarConvertible, _ owner: String) {
            self.owner = "Prune.\(owner)"
            let scalar = amount._scalar
            var isValid = scalar.doubleValue >= 0
            if case .double(let fraction) = scalar { isValid = fraction >= 0 && fraction <= 1 }
            self.amount = isValid ? scalar : .int(0)
            if !isValid { fail(self.owner, "an amount is a fraction from 0 to 1 or a number of elements, not \(repr(scalar))") }
        }

        /// The number to prune out of `count`; nil after an error where it is greater.
        private func number(of count: Int) -> Int? {
            // Rounds halves to even, as Python does.
            if case .double(let fraction) = amount { return Int((fraction * Double(count)).rounded(.toNearestOrEven)) }
            let number = Int(amount.doubleValue)
            if number <= count { return number }
            fail(owner, "\(number) are to be pruned, but there are \(count)")
            return nil
        }

        /// `mask` with zeros at the elements of the flattened tensor that `choose` returns.
        func pruned(_ mask: Tensor, count: Int, _ choose: (Int) -> Tensor) -> Tensor {
            guard let number = number(of: count) else { return Tensor.poisoned }
            return number == 0 ? mask : mask.reshape([-1]).indexFill(dim: 0, choose(number), 0).reshape(mask.shape)
        }

        /// `mask` with zeros in the channels along `dim` that `choose` picks, given their number, the number to prune and the other dims.
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
