import ApusCore

/// A parameter of those extents, contents undefined; a size outside `least ... 2³¹ − 1`, or more memory than there is, fails under the
/// layer's name with that of the argument.
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
    /// What the one-tensor form of a module with other inputs does where it is reached through `Module`, past the compiler.
    package final func needsOtherInputs(_ form: String) -> Tensor {
        fail(typeName, "takes other inputs than one tensor; call it as \(form), on a value whose static type is \(typeName)")
    }
}
