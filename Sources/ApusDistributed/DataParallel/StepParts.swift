import ApusCore
import ApusOptim

/// Sharded optimizer steps (ZeRO, stage 1; Rajbhandari et al., 2020): a reduce-scatter gives each rank the sum of its part of the
/// gradients, the rank updates that part of the parameters, and an all-gather gives the updated parts to all. The communication volume is
/// that of an all-reduce.
final class StepParts: SharedSteps {
    private unowned let reducer: GradientReducer
    private var parts: [ObjectIdentifier: Tensor] = [:]

    init(_ reducer: GradientReducer) { self.reducer = reducer }

    /// Renews this rank's parts of the parameters and sets their gradients to `gradient`; nil where there is none.
    func take(_ gradient: (_ number: Int, _ range: Range<Int>) throws -> Tensor?) throws {
        for (number, parameter) in reducer.parameters.enumerated() {
            let range = reducer.ownRange(number)
            let part = try flat(parameter)[range]
            part.grad = try gradient(number, range)
            parts[ObjectIdentifier(parameter)] = part
        }
    }

    /// A one-dimensional view of a contiguous parameter.
    private func flat(_ parameter: Tensor) throws -> Tensor {
        guard parameter.isContiguous else {
            throw reducer.group.error(
                "sharing steps",
                "a parameter of shape \(parameter.shape) does not lie in one row in memory, so its steps cannot be shared")
        }
        return noGrad { parameter.detach().view(-1) }
    }

    // MARK: SharedSteps

    func part(of parameter: Tensor) -> Tensor { parts[ObjectIdentifier(parameter)] ?? parameter }

    func range(of parameter: Tensor) -> Range<Int> {
        reducer.number(of: parameter).map(reducer.ownRange) ?? 0..<parameter.numel
    }

    func whole(_ part: Tensor, of parameter: Tensor) throws -> Tensor {
        guard reducer.number(of: parameter) != nil else { return noGrad { part.reshape(parameter.shape).clone() } }
        let own = try checked { noGrad { part.to(.cpu).contiguous() } }
        let bytes = Array(UnsafeRawBufferPointer(start: own.pointer, count: own.numel * own.dtype.size))
        let all = try reducer.group.allGather(bytes: bytes)
        let whole = Tensor.empty(parameter.shape, dtype: part.dtype)
        var place = 0
        // Parts are in the order of ranks, as the chunks of a bucket are.
        for bytes in all {
            bytes.withUnsafeBytes { from in
                if let base = from.baseAddress { whole.pointer.advanced(by: place).copyMemory(from: base, byteCount: from.count) }
            }
            place += bytes.count
        }
        return try checked { noGrad { whole.to(part.device) } }
    }

    func didStep() throws {
        for bucket in reducer.buckets {
            for member in bucket.members {
                let (parameter, own) = (reducer.parameters[member.number], reducer.ownRange(member.number))
                try bucket.put(part(of: parameter), at: member.range.lowerBound + own.lowerBound)
            }
            try bucket.startGathering(reducer.group)
        }
        for bucket in reducer.buckets {
            try bucket.finish()
            for member in bucket.members {
                let (parameter, own) = (reducer.parameters[member.number], reducer.ownRange(member.number))
                for others in [0..<own.lowerBound, own.upperBound..<parameter.numel] where !others.isEmpty {
                    let from = member.range.lowerBound + others.lowerBound
                    _ = try checked { try noGrad { try flat(parameter)[others].copy_(bucket[from..<(from + others.count)]) } }
                }
            }
        }
    }

    func anyProcess(_ flag: Bool) throws -> Bool { try reducer.group.anyProcess([flag])[0] }
}
