// Searching is exact in every dtype: floats are compared as `Double`, integers as `Int64`.

/// The side of equal elements on which `searchsorted` finds the insertion point.
public enum SearchSide: String, Sendable, CaseIterable {
    /// Left of them (the default), or right.
    case left, right
}

extension Tensor {
    /// The insertion point of each of `values` in a sorted sequence: the number of elements that are smaller or, with `right`, not larger;
    /// int64, of the shape of `values`. NaN counts as largest.
    ///
    /// `sortedSequence` is a vector, or rows [*, N], in which `values` [*, M] are searched row by row. If it is not sorted, `sorter` has
    /// the positions that sort it. Computed by bisection on the host. Traps if shapes do not fit, and for bool. PyTorch:
    /// `torch.searchsorted`; `outInt32` asks for int32.
    public static func searchsorted(
        _ sortedSequence: Tensor, _ values: Tensor, outInt32: Bool = false, right: Bool = false, sorter: Tensor? = nil
    ) -> Tensor {
        if let sorter, sorter.isPoisoned { return sorter }
        return composite("searchsorted", sortedSequence, values) { () throws(OpError) in
            try places(of: values, in: sortedSequence, right: right, sorter: sorter).to(outInt32 ? .int32 : .int64)
        }
    }
    /// The same with the side of equal elements given by name.
    public static func searchsorted(
        _ sortedSequence: Tensor, _ values: Tensor, outInt32: Bool = false, side: SearchSide, sorter: Tensor? = nil
    ) -> Tensor {
        searchsorted(sortedSequence, values, outInt32: outInt32, right: side == .right, sorter: sorter)
    }
    /// The insertion point of a number in a sorted vector: the number of elements that are smaller or, with `right`, not larger; an int64
    /// scalar.
    public static func searchsorted(
        _ sortedSequence: Tensor, _ value: some ScalarConvertible, outInt32: Bool = false, right: Bool = false, sorter: Tensor? = nil
    ) -> Tensor {
        searchsorted(sortedSequence, sortedSequence.wrapped(value), outInt32: outInt32, right: right, sorter: sorter)
    }

    /// The bucket of each element between sorted `boundaries` [N]: the number of boundaries that are smaller or, with `right`, not larger;
    /// int64, or int32 with `outInt32`. Traps if the boundaries are not a vector, and for bool. PyTorch: `torch.bucketize`.
    public static func bucketize(_ input: Tensor, _ boundaries: Tensor, outInt32: Bool = false, right: Bool = false) -> Tensor {
        composite("bucketize", input, boundaries) { () throws(OpError) in
            guard boundaries.ndim == 1 else { throw OpError("the boundaries must be a vector, their shape is \(boundaries.shape)") }
            return try places(of: input, in: boundaries, right: right, sorter: nil).to(outInt32 ? .int32 : .int64)
        }
    }
    /// The bucket of a number between sorted `boundaries` [N], an int64 scalar.
    public static func bucketize(
        _ input: some ScalarConvertible, _ boundaries: Tensor, outInt32: Bool = false, right: Bool = false
    ) -> Tensor {
        bucketize(boundaries.wrapped(input), boundaries, outInt32: outInt32, right: right)
    }

    private static func places(of values: Tensor, in sequence: Tensor, right: Bool, sorter: Tensor?) throws(OpError) -> Tensor {
        guard sequence.ndim > 0 else { throw OpError("the sequence must have a dimension") }
        guard
            sequence.ndim == 1
                || values.ndim == sequence.ndim && Shape(values.shape.dropLast()) == Shape(sequence.shape.dropLast())
        else {
            throw OpError(
                "values of shape \(values.shape) and sequences of shape \(sequence.shape) must agree in all dimensions but the last; "
                    + "a vector is searched for values of any shape")
        }
        let dtype = Tensor.resultType(sequence, values)
        guard dtype != .bool else { throw OpError("is not defined for bool; convert with to(_:)") }
        var sorted = sequence.detach()
        if let sorter {
            guard sorter.shape == sequence.shape, sorter.dtype == .int64 else {
                throw OpError("the sorter must be int64 of shape \(sequence.shape), it is \(sorter.dtype) of shape \(sorter.shape)")
            }
            sorted = sorted.gather(-1, sorter)
        }
        try checkDevices([sequence, values])
        let length = sequence.shape[-1]
        let perRow = sequence.ndim == 1 ? values.numel : values.shape[-1]
        func found<Number: Comparable & TensorElement>(_: Number.Type) throws(OpError) -> [Int64] {
            bisected(try values.to(dtype).numbers(Number.self), perRow, try sorted.to(dtype).numbers(Number.self), length, right: right)
        }
        let result = try dtype.isFloatingPoint ? found(Double.self) : found(Int64.self)
        return Tensor(result, shape: values.shape, device: values.device)
    }

    /// Searches `perRow` values in each row of `length` sorted numbers.
    private static func bisected<Number: Comparable>(
        _ values: [Number], _ perRow: Int, _ rows: [Number], _ length: Int, right: Bool
    ) -> [Int64] {
        values.enumerated().map { i, value in
            let start = i / perRow * length
            var (low, high) = (start, start + length)
            while low < high {
                let middle = low + (high - low) / 2
                // Comparisons with NaN are false, as if it were after everything.
                let isReached = right ? value < rows[middle] : value <= rows[middle]
                if isReached { high = middle } else { low = middle + 1 }
            }
            return Int64(low - start)
        }
    }

    /// Whether each element is one of `testElements`, as bool; with `invert`, whether it is not. NaN equals nothing. `assumeUnique` says
    /// that neither has duplicates, which is faster. PyTorch: `torch.isin`.
    public static func isin(_ elements: Tensor, _ testElements: Tensor, assumeUnique: Bool = false, invert: Bool = false) -> Tensor {
        composite("isin", elements, testElements) { () throws(OpError) in
            try checkDevices([elements, testElements])
            let dtype = Tensor.resultType(elements, testElements)
            let count = elements.numel, total = count + testElements.numel
            if count == total { return Tensor.full(elements.shape, .bool(invert), device: elements.device) }
            return noGrad {
                let all = Tensor.cat([elements.to(dtype).reshape([-1]), testElements.to(dtype).reshape([-1])])
                // Sorting makes equal elements neighbours; it is stable, so those of `elements` come before those of `testElements`.
                let (values, order) = all.sort()
                let repeats = values.narrow(0, 1, total - 1).eq(values.narrow(0, 0, total - 1)).to(.int64)
                let first = Tensor.zeros([1], dtype: .int64, device: all.device)
                let found: Tensor
                if assumeUnique {
                    found = Tensor.cat([repeats, first])
                } else {
                    // Runs of equal elements, and how many of `testElements` each has.
                    let run = Tensor.cat([first, 1 - repeats]).cumsum(dim: 0)
                    let isTest = order.ge(count).to(.int64)
                    found = Tensor.zeros([total], dtype: .int64, device: all.device).indexAdd(dim: 0, run, isTest).indexSelect(dim: 0, run)
                }
                let isFound = Tensor.zeros([total], dtype: .int64, device: all.device).scatter(0, order, found).narrow(0, 0, count).gt(0)
                return (invert ? isFound.logicalNot() : isFound).reshape(elements.shape)
            }
        }
    }
    /// Whether each element equals `testElement`, as bool; with `invert`, whether it does not.
    public static func isin(
        _ elements: Tensor, _ testElement: some ScalarConvertible, assumeUnique: Bool = false, invert: Bool = false
    ) -> Tensor {
        isin(elements, elements.wrapped(testElement), assumeUnique: assumeUnique, invert: invert)
    }
    /// Whether a number is one of `testElements`, as a bool scalar; with `invert`, whether it is not.
    public static func isin(
        _ element: some ScalarConvertible, _ testElements: Tensor, assumeUnique: Bool = false, invert: Bool = false
    ) -> Tensor {
        isin(testElements.wrapped(element), testElements, assumeUnique: assumeUnique, invert: invert)
    }
}
