import ApusCore
import ApusSystem
import OrderedCollections

/// An ordered dictionary of modules, without a `forward`. PyTorch: `nn.ModuleDict`.
///
/// `let heads: ModuleDict = ["mean": Linear(8, 1), "variance": Linear(8, 1)]`, then `heads["mean"]!(x)`.
public final class ModuleDict: Module, ExpressibleByDictionaryLiteral {
    /// Named modules in order; a name given twice traps.
    public init(_ modules: [(String, Module)]) {
        super.init()
        for (name, module) in modules { addModule(name, module) }
    }

    /// Named modules in order.
    public init(_ modules: OrderedDictionary<String, some Module>) {
        super.init()
        for (name, module) in modules { addModule(name, module) }
    }

    /// An empty dictionary.
    public override init() { super.init() }

    /// Named modules in the order written.
    public convenience init(dictionaryLiteral elements: (String, Module)...) { self.init(elements) }

    /// Unavailable, since a dictionary has no order.
    @available(
        *, unavailable,
        message: "a Dictionary has no order; write a list of pairs, ModuleDict([(\"a\", m), (\"b\", n)]), or pass an OrderedDictionary"
    )
    @_disfavoredOverload public init(_ modules: [String: Module]) { super.init() }

    /// The names, in order.
    public var keys: [String] { extras?.modules.map(\.name) ?? [] }
    /// The modules, in order.
    public var values: [Module] { extras?.modules.map(\.module) ?? [] }

    /// The module of that name; setting appends, replaces or (nil) removes it.
    public subscript(name: String) -> Module? {
        get { named(name) }
        set { set(name, newValue) }
    }
}

/// The names and modules in order: `for (name, head) in heads { … }`. PyTorch: `items()`.
extension ModuleDict: RandomAccessCollection {
    public var startIndex: Int { 0 }
    public var endIndex: Int { extras?.modules.count ?? 0 }

    /// The name and module at `position`; traps where there is none.
    public subscript(position: Int) -> (key: String, value: Module) {
        guard let modules = extras?.modules, modules.indices.contains(position) else {
            fail(typeName, "index \(position) is out of range for \(count) modules")
            return ("", Module())
        }
        return (modules[position].name, modules[position].module)
    }
}

/// A list of parameters. PyTorch: `nn.ParameterList`.
public final class ParameterList: Module, RandomAccessCollection {
    /// `parameters`, named by their indices; other tensors become parameters.
    public init(_ parameters: [Tensor] = []) {
        super.init()
        for parameter in parameters { append(parameter) }
    }

    /// Adds a parameter at the end. PyTorch: `append`.
    @discardableResult public func append(_ parameter: Tensor) -> Self {
        registerParameter("\(count)", parameter as? Parameter ?? Parameter(parameter))
        return self
    }

    public var startIndex: Int { 0 }
    public var endIndex: Int { extras?.parameters.count ?? 0 }

    /// The parameter at `position`; negative indices count from the end. Traps where there is none.
    public subscript(position: Int) -> Parameter {
        let at = position < 0 ? position + count : position
        guard at >= 0 && at < count, let extras else {
            return Parameter(fail(typeName, "index \(position) is out of range for \(count) parameters"), requiresGrad: false)
        }
        return extras.parameters[at].parameter
    }

    public override var extraRepr: String { listed(extras?.parameters ?? []) }
}

/// An ordered dictionary of parameters. PyTorch: `nn.ParameterDict`.
public final class ParameterDict: Module, ExpressibleByDictionaryLiteral {
    /// Named parameters in order; other tensors become parameters. A name given twice traps.
    public init(_ parameters: [(String, Tensor)]) {
        super.init()
        for (name, parameter) in parameters { registerParameter(name, parameter as? Parameter ?? Parameter(parameter)) }
    }

    /// Named parameters in order; other tensors become parameters.
    public convenience init(_ parameters: OrderedDictionary<String, some Tensor>) { self.init(parameters.map { ($0.key, $0.value) }) }

    /// An empty dictionary.
    public convenience override init() { self.init([]) }

    /// Named parameters in the order written.
    public convenience init(dictionaryLiteral elements: (String, Tensor)...) { self.init(elements) }

    /// Unavailable, since a dictionary has no order.
    @available(
        *, unavailable,
        message: "a Dictionary has no order; write a list of pairs, ParameterDict([(\"a\", p), (\"b\", q)]), or pass an OrderedDictionary"
    )
    @_disfavoredOverload public convenience init(_ parameters: [String: Tensor]) { self.init([]) }

    /// The names, in order.
    public var keys: [String] { extras?.parameters.map(\.name) ?? [] }
    /// The parameters, in order.
    public var values: [Parameter] { extras?.parameters.map(\.parameter) ?? [] }

    /// The parameter of that name; setting appends, replaces or (nil) removes it.
    public subscript(name: String) -> Parameter? {
        get { extras?.parameters.first { $0.name.isSame(as: name) }?.parameter }
        set {
            let position = extras?.parameters.firstIndex { $0.name.isSame(as: name) }
            switch (position, newValue) {
            case (let position?, let parameter?): extras?.parameters[position].parameter = parameter
            case (let position?, nil): extras?.parameters.remove(at: position)
            case (nil, let parameter?): registerParameter(name, parameter)
            case (nil, nil): break
            }
        }
    }

    public override var extraRepr: String { listed(extras?.parameters ?? []) }
}

/// The names and parameters in order: `for (name, scale) in scales { … }`. PyTorch: `items()`.
extension ParameterDict: RandomAccessCollection {
    public var startIndex: Int { 0 }
    public var endIndex: Int { extras?.parameters.count ?? 0 }

    /// The name and parameter at `position`; traps where there is none.
    public subscript(position: Int) -> (key: String, value: Parameter) {
        guard let parameters = extras?.parameters, parameters.indices.contains(position) else {
            return ("", Parameter(fail(typeName, "index \(position) is out of range for \(count) parameters"), requiresGrad: false))
        }
        return (parameters[position].name, parameters[position].parameter)
    }
}

/// The lines that PyTorch prints for lists of parameters, indented twice.
private func listed(_ parameters: [(name: String, parameter: Parameter)]) -> String {
    parameters.map { name, parameter in
        "  (\(name)): Parameter containing: [torch.\(parameter.dtype) of size \(parameter.shape.map(String.init).joined(separator: "x"))]"
    }.joined(separator: "\n")
}

/// Returns its input. PyTorch: `nn.Identity`.
public final class Identity: Module, DeclaredModule {
    public override func forward(_ x: Tensor) -> Tensor { x }

    // PyTorch's takes any arguments.
    static let arguments = Signature(.anything).makes { _ in Identity() }
}
