import ApusCore

/// A parameter with the given extents and undefined contents. Extents outside `least ... 2³¹ − 1`, and lack of memory, fail with the names
/// of the layer and of the argument.
package func parameter(
    _ layer: String, _ extents: KeyValuePairs<String, Int>, from least: Int = 1, _ device: Device, _ dtype: DType
) -> Parameter {
    do throws(OpError) {
        for (name, extent) in extents where extent < least || extent > Int(Int32.max) {
            throw OpError("\(name) must be from \(least) to \(Int32.max), it is \(extent)")
        }
        guard dtype.isFloatingPoint else { throw OpError("parameters can only be floating-point numbers, not \(dtype)") }
        return Parameter(try Tensor.uninitialized(Shape(extents.map(\.value)), dtype, device))
    } catch {
        return Parameter(fail(error, op: layer))
    }
}

extension Module {
    /// Fails where a module with other inputs is called with one tensor as a `Module`, which the compiler cannot prevent.
    package final func needsOtherInputs(_ form: String) -> Tensor {
        fail(typeName, "takes other inputs than one tensor; call it as \(form), on a value whose static type is \(typeName)")
    }
}
