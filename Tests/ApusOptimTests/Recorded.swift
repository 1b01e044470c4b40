import Apus
import Foundation

/// What `scripts/record_optim.py` recorded from PyTorch.
enum Recorded {
    static func load(_ name: String) -> [JSON] {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Recorded/\(name).json")
        do {
            return try JSON(parsing: String(contentsOf: path, encoding: .utf8)).array!
        } catch {
            fatalError("\(path.path): \(error)")
        }
    }

    /// The numbers that the script starts from.
    static func numbers(_ shape: Shape, _ start: Int) -> Tensor {
        Tensor((0..<shape.numel).map { sin(1.7 * Double(start + $0)) }, shape: shape, dtype: .float64)
    }

    /// The script's two problems: parameters, and the loss of them.
    static func problem(_ name: String) -> (parameters: [Tensor], loss: () -> Tensor) {
        if name == "quadratic" {
            let p1 = numbers([2, 3], 0).requiresGrad_(), p2 = numbers([4], 10).requiresGrad_()
            let a1 = Tensor([0.1, 1, 5], dtype: .float64), a2 = Tensor([0.01, 0.5, 2, 10], dtype: .float64)
            return ([p1, p2], { (a1 * (p1 - 0.3).square()).sum() + (a2 * (p2 + 0.2).square()).sum() })
        }
        let w1 = numbers([4, 3], 20).requiresGrad_(), b1 = numbers([4], 40).requiresGrad_()
        let w2 = numbers([2, 4], 50).requiresGrad_(), b2 = numbers([2], 60).requiresGrad_()
        let x = numbers([5, 3], 70), y = numbers([5, 2], 90)
        return ([w1, b1, w2, b2], { (((x.matmul(w1.t()) + b1).tanh().matmul(w2.t()) + b2) - y).square().mean() })
    }

    /// The optimizer of that name with PyTorch's options.
    static func optimizer(_ name: String, _ groups: [ParameterGroup], _ options: JSON) -> Optimizer {
        func number(_ key: String, _ fallback: Double) -> Double { options[key]?.double ?? fallback }
        func flag(_ key: String) -> Bool { options[key]?.bool ?? false }
        let betas = options["betas"]?.array.map { ($0[0].double!, $0[1].double!) } ?? (0.9, 0.999)
        switch name {
        case "SGD":
            return SGD(groups, lr: number("lr", 1e-3), momentum: number("momentum", 0), dampening: number("dampening", 0),
                       weightDecay: number("weight_decay", 0), nesterov: flag("nesterov"), maximize: flag("maximize"))
        case "Adam":
            return Adam(groups, lr: number("lr", 1e-3), betas: betas, eps: number("eps", 1e-8), weightDecay: number("weight_decay", 0),
                        amsgrad: flag("amsgrad"), maximize: flag("maximize"))
        case "AdamW":
            return AdamW(groups, lr: number("lr", 1e-3), betas: betas, eps: number("eps", 1e-8), weightDecay: number("weight_decay", 1e-2),
                         amsgrad: flag("amsgrad"), maximize: flag("maximize"))
        case "RMSprop":
            return RMSprop(groups, lr: number("lr", 1e-2), alpha: number("alpha", 0.99), eps: number("eps", 1e-8),
                           weightDecay: number("weight_decay", 0), momentum: number("momentum", 0), centered: flag("centered"), maximize: flag("maximize"))
        default: fatalError("no optimizer \(name)")
        }
    }
}
