// The functions that the tables of pointwise functions (`unary.def`, `binary.def`, `compare.def`) call.

extension KernelDialect {
    /// Defines T and M of the tables' language for the given type.
    static func expressions(of type: String) -> String { "#undef T\n#undef M\n#define T \(type)\n#define M(f) f##_\(type)\n" }

    /// The functions of floats: the compiler's, under the tables' names, and ours.
    static func elementary(_ type: String) -> String {
        let library = (UnaryKind.functions + BinaryKind.functions).filter(\.isOfLibrary)
        return library.map { "#define \($0.name)_\(type) \($0.name)\n" }.joined() + expressions(of: type) + ownFunctions + anyFunctions
            + (type == "f64" ? exactFunctions : plainFunctions) + pairFunctions
    }

    /// The special functions, in the widest float of the device.
    static func special(hasFloat64: Bool) -> String { expressions(of: hasFloat64 ? "f64" : "f32") + specialFunctions }
}
