import ApusCore

/// All parameters flattened and concatenated. PyTorch: `nn.utils.parameters_to_vector`. Gradients reach the parameters.
public func parametersToVector(_ parameters: [Tensor]) -> Tensor {
    if parameters.isEmpty { return fail("parametersToVector", "got no parameters") }
    return Tensor.cat(parameters.map { $0.reshape([-1]) })
}

/// Copies a vector's elements into the parameters in order. PyTorch: `nn.utils.vector_to_parameters`.
///
/// Traps unless the vector has as many elements as the parameters; then nothing has changed.
public func vectorToParameters(_ vector: Tensor, _ parameters: [Tensor]) {
    if vector.isPoisoned { return }
    let count = parameters.reduce(0) { $0 + $1.numel }
    guard vector.ndim == 1, vector.numel == count else {
        fail("vectorToParameters", "the parameters have \(count) elements, a vector of shape \(vector.shape) does not fit them")
        return
    }
    noGrad {
        // The vector may be a view of the parameters, so it is copied before they are written.
        let vector = parameters.contains { $0.storage === vector.storage } ? vector.clone() : vector
        var start = 0
        for parameter in parameters {
            parameter.copy_(vector.narrow(0, start, parameter.numel).reshape(parameter.shape))
            start += parameter.numel
        }
    }
}

/// Makes a module without initialising its parameters, because they will be loaded or set: `skipInit { Linear(4096, 4096) }`.
/// PyTorch: `nn.utils.skip_init`. Values that `make` sets by other means than `Init` are kept.
public func skipInit<Made>(_ make: () throws -> Made) rethrows -> Made {
    let context = Context.current
    let outer = context.skipsInit
    context.skipsInit = true
    defer { context.skipsInit = outer }
    return try make()
}
