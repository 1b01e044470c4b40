import Apus

extension ConformanceRunner {
    /// For each recorded case with gradients, compares the derivative of the gradient along one direction through all inputs and
    /// parameters, in float64, by the graph and by finite differences. `report` gets class, case and what differed, or nil.
    ///
    /// g(t) is the gradient at x + t·v of a weighted sum of the outputs, and w are fixed numbers: d(w·g)/dt at 0 is compared with
    /// (w·g(h) − w·g(−h))/2h. Where the gradient jumps at 0, other t are tried; a case whose gradient jumps at all of them is excused.
    package func checkSecondDerivatives(_ folder: String, report: (Result) -> Void) throws {
        guard let only else { preconditionFailure("names one class") }
        for item in try Case.read("\(folder)/\(only)") {
            guard case .output = item.answer, !item.gradients.isEmpty else { continue }
            let answer: Answer
            do { answer = try checked { try compareSecondDerivatives(item) } } catch { answer = .differs("\(error)") }
            switch answer {
            case .agrees: report(Result(module: item.module, key: item.key, complaint: nil))
            case .jumps: report(Result(module: item.module, key: item.key, complaint: nil, isExcused: true))
            case .differs(let complaint): report(Result(module: item.module, key: item.key, complaint: complaint))
            }
        }
    }

    private func compareSecondDerivatives(_ item: Case) throws -> Answer {
        let module = try build(item).to(.float64)
        func wide(_ value: Argument) -> Argument { value.converted(to: .float64) }
        let inputs = item.inputs.map(wide), named = item.namedInputs.map { ($0.name, wide($0.value)) }
        let wanted = Set(item.gradients.map(\.leaf))
        // This call gives a lazy module its shapes.
        _ = try withGenerator(Generator(seed: 0)) { try ModuleTable.call(item.module, module, inputs, named) }
        module.to(.float64)
        let parameters = module.namedParameters().filter { wanted.contains("state/\($0.name)") }
        let origin = parameters.map { $0.parameter.detach().clone() }
        let state = module.stateDict().map { ($0.key, $0.value.clone()) }

        /// The weighted sum w·g of the gradients at t, and the leaves and directions there.
        func gradients(_ t: Double) throws -> (sum: Tensor, leaves: [Tensor], directions: [Tensor]) {
            // Each call changes running statistics.
            try module.loadStateDict(StateDict(state))
            var leaves: [Tensor] = [], directions: [Tensor] = []
            func direction(_ x: Tensor) -> Tensor { numbers(x.shape, 0.7 + Double(leaves.count)) }
            func leaf(_ value: Argument, _ name: String) -> Argument {
                guard wanted.contains("input/\(name)"), case .tensor(let x) = value, x.dtype.isFloatingPoint else { return value }
                let v = direction(x)
                let moved = (x + v * t).detach().requiresGrad_()
                leaves.append(moved)
                directions.append(v)
                return .tensor(moved)
            }
            let movedInputs = inputs.enumerated().map { leaf($0.element, "\($0.offset)") },
                movedNamed = named.map { ($0.0, leaf($0.1, $0.0)) }
            for (i, (_, parameter)) in parameters.enumerated() {
                let v = direction(parameter)
                noGrad { _ = parameter.copy_(origin[i] + v * t) }
                leaves.append(parameter)
                directions.append(v)
            }
            let output = try withGenerator(Generator(seed: 0)) { try ModuleTable.call(item.module, module, movedInputs, movedNamed) }
            var terms: [Tensor] = []
            weigh(output, &terms)
            guard let first = terms.first else { return (Tensor.zeros([], dtype: .float64), leaves, directions) }
            let found = grad(of: [terms.dropFirst().reduce(first, +)], withRespectTo: leaves, createGraph: true, allowUnused: true)
            var sum = Tensor.zeros([], dtype: .float64)
            for (i, gradient) in found.enumerated() {
                if let gradient { sum = sum + (gradient * numbers(gradient.shape, 0.3 + Double(i))).sum() }
            }
            return (sum, leaves, directions)
        }

        // Finite differences are useless at a jump of the gradient; a little further along the line there usually is none.
        for t in [0, 0.0137, -0.0291] {
            let (sum, leaves, directions) = try gradients(t)
            var analytic = 0.0
            if sum.requiresGrad {
                let second = grad(of: [sum], withRespectTo: leaves, allowUnused: true)
                for (gradient, v) in zip(second, directions) { if let gradient { analytic += (gradient * v).sum().item() } }
            }
            func slope(_ step: Double) throws -> Double {
                (try gradients(t + step).sum.item() - gradients(t - step).sum.item()) / (2 * step)
            }
            let scale = Swift.max(abs(sum.item()), 1)
            let numeric = try slope(1e-5)
            if abs(analytic - numeric) <= 1e-5 * abs(numeric) + 1e-6 * scale || analytic.isNaN && numeric.isNaN { return .agrees }
            let near = try slope(1e-6)
            if abs(analytic - near) <= 1e-4 * abs(near) + 1e-5 * scale { return .agrees }
            // A jump changes g by the same amount at either step, by far more than rounding does.
            let jump = abs(near) * 2e-6
            guard jump > 1e-8 * scale, abs(near) > 5 * abs(numeric) else {
                return .differs("the second derivative along a line is \(analytic), by differences \(numeric)")
            }
        }
        return .jumps
    }

    private enum Answer {
        case agrees, jumps
        case differs(String)
    }

    /// Pseudo-random numbers that are the same on every platform.
    private func numbers(_ shape: Shape, _ phase: Double) -> Tensor {
        let count = shape.reduce(1, *)
        return noGrad { (Tensor.arange(count, dtype: .float64) * 1.7 + phase * 2.3).sin().reshape(shape) }
    }

    private func weigh(_ output: Argument, _ terms: inout [Tensor]) {
        switch output {
        case .tensor(let y) where y.requiresGrad: terms.append((y * numbers(y.shape, Double(terms.count) + 0.1)).sum())
        case .list(let values): for value in values { weigh(value, &terms) }
        default: break
        }
    }
}
