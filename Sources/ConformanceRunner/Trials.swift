import Apus

extension ConformanceRunner {
    /// The first recorded call of each class under `folder`, to be run any number of times: `prepare` builds the module with its state and
    /// returns the call, forward and backward, which returns outputs and gradients.
    package func trials(_ folder: String) throws -> [(name: String, prepare: () throws -> () throws -> [Tensor])] {
        try modules(folder).compactMap { module in
            guard let item = try Case.read("\(folder)/\(module)").first, case .output(_, _, let cotangents, _) = item.answer else {
                return nil
            }
            return (
                item.module,
                {
                    let module = try build(item)
                    return {
                        try withGenerator(Generator(seed: 0)) {
                            let (answer, leaves) = try called(item, module)
                            try runBackward(answer, cotangents)
                            return answer.tensors + leaves.sorted { $0.key < $1.key }.compactMap(\.value.grad)
                        }
                    }
                }
            )
        }
    }
}

extension Argument {
    /// The tensors in the value, in order.
    fileprivate var tensors: [Tensor] {
        switch self {
        case .tensor(let tensor): [tensor]
        case .list(let values): values.flatMap(\.tensors)
        default: []
        }
    }
}
