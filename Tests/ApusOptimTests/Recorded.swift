import ApusCore
import ApusFormats
import ApusNN
import ApusOptim
import Foundation
import TestSupport

/// What `Tests/ApusOptimTests/record_optim.py` started from.
extension Recorded {
    /// The numbers that the script starts from.
    static func numbers(_ shape: Shape, _ start: Int) -> Tensor {
        Tensor((0..<shape.numel).map { sin(1.7 * Double(start + $0)) }, shape: shape, dtype: .float64)
    }

    /// One of the script's problems: its parameters, and a function that computes their gradients and returns the loss.
    static func problem(_ name: String) -> (parameters: [Tensor], evaluate: () -> Tensor) {
        let w1 = numbers([4, 3], 20).requiresGrad_(), b1 = numbers([4], 40).requiresGrad_()
        let w2 = numbers([2, 4], 50).requiresGrad_(), b2 = numbers([2], 60).requiresGrad_()
        let x = numbers([5, 3], 70), y = numbers([5, 2], 90)
        func backward(_ parameters: [Tensor], _ loss: @escaping () -> Tensor) -> ([Tensor], () -> Tensor) {
            (
                parameters,
                {
                    for p in parameters { p.grad = nil }
                    let value = loss()
                    value.backward()
                    return value
                }
            )
        }
        switch name {
        case "quadratic":
            let p1 = numbers([2, 3], 0).requiresGrad_(), p2 = numbers([4], 10).requiresGrad_()
            let a1 = Tensor([0.1, 1, 5], dtype: .float64), a2 = Tensor([0.01, 0.5, 2, 10], dtype: .float64)
            return backward([p1, p2]) { (a1 * (p1 - 0.3).square()).sum() + (a2 * (p2 + 0.2).square()).sum() }
        case "matrix":
            let p1 = numbers([2, 3], 0).requiresGrad_(), a1 = Tensor([0.1, 1, 5], dtype: .float64)
            return backward([p1]) { (a1 * (p1 - 0.3).square()).sum() }
        case "embedded":
            let table = numbers([6, 2], 5).requiresGrad_()
            let w1 = numbers([3, 2], 20), w2 = numbers([2, 3], 50), y = numbers([4, 2], 90)
            var step = 0
            return backward([table]) {
                step += 1
                let picked = Tensor([step % 6, 2 * step % 6, step % 6, (step + 1) % 6])
                return (F.embedding(picked, table, sparse: true).matmul(w1.t()).tanh().matmul(w2.t()) - y).square().mean()
            }
        case "matrices": return backward([w1, w2]) { (x.matmul(w1.t()).tanh().matmul(w2.t()) - y).square().mean() }
        case "rows":
            let table = numbers([6, 2], 5).requiresGrad_()
            var step = 0
            return (
                [table],
                {
                    step += 1
                    let picked = Tensor([step % 6, 2 * step % 6, step % 6])
                    let difference = table.detach().indexSelect(dim: 0, picked) - 0.5
                    table.grad = Tensor.sparseRows(picked, difference * 2, shape: [6, 2])
                    return difference.square().sum()
                }
            )
        default: return backward([w1, b1, w2, b2]) { (((x.matmul(w1.t()) + b1).tanh().matmul(w2.t()) + b2) - y).square().mean() }
        }
    }

    /// The optimizer of that name with PyTorch's options.
    static func optimizer(_ name: String, _ groups: [ParameterGroup], _ options: JSON) -> Optimizer {
        func number(_ key: String, _ fallback: Double) -> Double { options[key]?.double ?? fallback }
        func flag(_ key: String) -> Bool { options[key]?.bool ?? false }
        let betas = options["betas"]?.array.map { ($0[0].double!, $0[1].double!) } ?? (0.9, 0.999)
        switch name {
        case "SGD":
            return SGD(
                groups, lr: number("lr", 1e-3), momentum: number("momentum", 0), dampening: number("dampening", 0),
                weightDecay: number("weight_decay", 0), nesterov: flag("nesterov"), maximize: flag("maximize"))
        case "Adam":
            return Adam(
                groups, lr: number("lr", 1e-3), betas: betas, eps: number("eps", 1e-8), weightDecay: number("weight_decay", 0),
                amsgrad: flag("amsgrad"), maximize: flag("maximize"))
        case "AdamW":
            return AdamW(
                groups, lr: number("lr", 1e-3), betas: betas, eps: number("eps", 1e-8), weightDecay: number("weight_decay", 1e-2),
                amsgrad: flag("amsgrad"), maximize: flag("maximize"))
        case "RMSprop":
            return RMSprop(
                groups, lr: number("lr", 1e-2), alpha: number("alpha", 0.99), eps: number("eps", 1e-8),
                weightDecay: number("weight_decay", 0), momentum: number("momentum", 0), centered: flag("centered"),
                maximize: flag("maximize"))
        case "Adadelta":
            return Adadelta(
                groups, lr: number("lr", 1), rho: number("rho", 0.9), eps: number("eps", 1e-6), weightDecay: number("weight_decay", 0),
                maximize: flag("maximize"))
        case "Adafactor":
            return Adafactor(
                groups, lr: number("lr", 1e-2), beta2Decay: number("beta2_decay", -0.8),
                eps: options["eps"]?.array.map { ($0[0].double, $0[1].double!) } ?? (nil, 1e-3),
                d: number("d", 1), weightDecay: number("weight_decay", 0), maximize: flag("maximize"))
        case "Adagrad":
            return Adagrad(
                groups, lr: number("lr", 1e-2), lrDecay: number("lr_decay", 0), weightDecay: number("weight_decay", 0),
                initialAccumulatorValue: number("initial_accumulator_value", 0), eps: number("eps", 1e-10), maximize: flag("maximize"))
        case "Adamax":
            return Adamax(
                groups, lr: number("lr", 2e-3), betas: betas, eps: number("eps", 1e-8), weightDecay: number("weight_decay", 0),
                maximize: flag("maximize"))
        case "ASGD":
            return ASGD(
                groups, lr: number("lr", 1e-2), lambd: number("lambd", 1e-4), alpha: number("alpha", 0.75), t0: number("t0", 1e6),
                weightDecay: number("weight_decay", 0), maximize: flag("maximize"))
        case "LBFGS":
            return LBFGS(
                groups, lr: number("lr", 1), maxIter: options["max_iter"]?.int ?? 20, maxEval: options["max_eval"]?.int,
                toleranceGrad: number("tolerance_grad", 1e-7),
                toleranceChange: number("tolerance_change", 1e-9), historySize: options["history_size"]?.int ?? 100,
                lineSearchFn: options["line_search_fn"]?.string.flatMap { LBFGS.LineSearch(rawValue: $0) })
        case "NAdam":
            return NAdam(
                groups, lr: number("lr", 2e-3), betas: betas, eps: number("eps", 1e-8), weightDecay: number("weight_decay", 0),
                momentumDecay: number("momentum_decay", 4e-3), decoupledWeightDecay: flag("decoupled_weight_decay"),
                maximize: flag("maximize"))
        case "RAdam":
            return RAdam(
                groups, lr: number("lr", 1e-3), betas: betas, eps: number("eps", 1e-8), weightDecay: number("weight_decay", 0),
                decoupledWeightDecay: flag("decoupled_weight_decay"), maximize: flag("maximize"))
        case "Rprop":
            func pair(_ key: String, _ fallback: (Double, Double)) -> (Double, Double) {
                options[key]?.array.map { ($0[0].double!, $0[1].double!) } ?? fallback
            }
            return Rprop(
                groups, lr: number("lr", 1e-2), etas: pair("etas", (0.5, 1.2)), stepSizes: pair("step_sizes", (1e-6, 50)),
                maximize: flag("maximize"))
        case "Muon":
            return Muon(
                groups, lr: number("lr", 1e-3), weightDecay: number("weight_decay", 0.1), momentum: number("momentum", 0.95),
                nesterov: options["nesterov"]?.bool ?? true,
                nsCoefficients: options["ns_coefficients"]?.array.map { ($0[0].double!, $0[1].double!, $0[2].double!) } ?? (
                    3.4445, -4.775, 2.0315
                ),
                nsSteps: options["ns_steps"]?.int ?? 5,
                adjustLRFn: options["adjust_lr_fn"]?.string.flatMap { MuonRate(rawValue: $0) } ?? .original)
        case "SparseAdam":
            return SparseAdam(groups, lr: number("lr", 1e-3), betas: betas, eps: number("eps", 1e-8), maximize: flag("maximize"))
        default: fatalError("no optimizer \(name)")
        }
    }
}
