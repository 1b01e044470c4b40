import ApusCore
import ApusOptim
import TestSupport
import Testing

/// The kernels of optimizers against the rules as functions of tensors, which the reference computes.
@Suite("Backends: optimizers") struct OptimizerBackendTests {
    /// Optimizers in all their forms that change what a kernel does.
    static let makers: [(name: String, make: @Sendable ([Tensor]) -> Optimizer)] = {
        var made: [(name: String, make: @Sendable ([Tensor]) -> Optimizer)] = []
        for (maximize, decay) in [(false, 0.0), (true, 0), (false, 0.1), (true, 0.1)] {
            let also = "decay \(decay), maximize \(maximize)"
            for (momentum, dampening, nesterov) in [(0.0, 0.0, false), (0.9, 0, false), (0.9, 0.25, false), (0.9, 0, true)] {
                made.append(
                    (
                        "SGD, momentum \(momentum), dampening \(dampening), nesterov \(nesterov), \(also)",
                        {
                            SGD(
                                $0, lr: 0.1, momentum: momentum, dampening: dampening, weightDecay: decay, nesterov: nesterov,
                                maximize: maximize)
                        }
                    ))
            }
            // Averages move from either end.
            for (beta1, amsgrad, decoupled) in [
                (0.9, false, false), (0.9, true, false), (0.9, false, true), (0.4, false, false), (0.4, true, true),
            ] {
                made.append(
                    (
                        "Adam, beta1 \(beta1), amsgrad \(amsgrad), decoupled \(decoupled), \(also)",
                        {
                            Adam(
                                $0, lr: 0.01, betas: (beta1, 0.9), eps: 1e-6, weightDecay: decay, amsgrad: amsgrad, maximize: maximize,
                                decoupledWeightDecay: decoupled)
                        }
                    ))
            }
            for (alpha, momentum, centered) in [
                (0.9, 0.0, false), (0.9, 0.9, false), (0.9, 0.5, true), (0.9, 0, true), (0.3, 0, true), (0.3, 0.5, false),
            ] {
                made.append(
                    (
                        "RMSprop, alpha \(alpha), momentum \(momentum), centered \(centered), \(also)",
                        {
                            RMSprop(
                                $0, lr: 0.01, alpha: alpha, eps: 1e-2, weightDecay: decay, momentum: momentum, centered: centered,
                                maximize: maximize)
                        }
                    ))
            }
        }
        return made
    }()

    /// A kernel and the rule agree within rounding, in parameters, states and step counts, for every form, dtype and layout.
    @Test(arguments: BackendTests.devices, DType.floats) func kernelsAreTheRules(_ device: Device, _ dtype: DType) throws {
        try #require(device.hasOptimizerStep && !Device.reference.hasOptimizerStep)
        for (number, (name, make)) in Self.makers.enumerated() {
            // Larger than one thread's chunk for some.
            let shapes: [Shape] = dtype == .float32 && number % 7 == 3 ? [[3, 5], [33_003], [17]] : [[3, 5], [1], [0], [257]]
            var samples = Samples(seed: 2100 + UInt64(number))
            let values = shapes.map { samples.tensor($0, dtype, in: -2...2) }
            func optimizer(_ device: Device) -> (parameters: [Tensor], optimizer: Optimizer) {
                // The first is transposed.
                let parameters = values.enumerated().map { i, x in
                    let y = moved(x, to: device).clone()
                    return (i == 0 ? y.t().contiguous().t() : y).detach().requiresGrad_()
                }
                return (parameters, make(parameters))
            }
            let (tested, wanted) = (optimizer(device), optimizer(.reference))
            for step in 1...3 {
                for i in shapes.indices {
                    let gradient = samples.tensor(shapes[i], dtype, in: -2...2)
                    wanted.parameters[i].grad = gradient
                    tested.parameters[i].grad = moved(gradient, to: device)
                }
                tested.optimizer.step()
                wanted.optimizer.step()
                // Three steps of about ten operations; parameters of 16-bit types are rounded once a step.
                let (found, kept) = (tested.optimizer.stateDict(), wanted.optimizer.stateDict())
                #expect(found.values == kept.values && found.tensors.keys == kept.tensors.keys)
                let pairs =
                    zip(tested.parameters, wanted.parameters).enumerated().map { ("parameter \($0)", $1.0, $1.1) }
                    + found.tensors.map { ($0, $1, kept.tensors[$0]!) }
                for (what, a, b) in pairs {
                    let isHalf = dtype.size == 2
                    let unit = isHalf && a.dtype != dtype ? dtype.epsilon / DType.float32.epsilon : 1
                    let twin = Twin(reference: b.detach().contiguous(), tested: a.detach().contiguous())
                    BackendTests.complain(
                        Tolerance(ulps: 16 * unit, absolute: 32 * unit).difference(twin), "\(name), step \(step), \(what), \(dtype)")
                }
            }
        }
    }
}
