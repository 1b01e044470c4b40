import ApusCore
import ApusSystem
import OrderedCollections

/// Modules that run in order, each on the output of the one before. PyTorch: `nn.Sequential`.
///
/// ```swift
/// let a = Sequential(Linear(784, 256), ReLU(), Linear(256, 10))   // named 0, 1, 2
/// let b: Sequential = ["hidden": Linear(784, 256), "relu": ReLU(), "out": Linear(256, 10)]
/// let c = Sequential([("hidden", Linear(784, 256)), ("out", Linear(256, 10))])
/// a[-1] = Linear(256, 5)
/// b["out"] = Linear(256, 5)
/// ```
open class Sequential: Module {
    /// `modules`, named by their indices; an empty one returns its input.
    public init(_ modules: Module...) {
        super.init()
        extend(modules)
    }

    /// The modules of an array, named by their indices.
    public init(_ modules: [Module]) {
        super.init()
        extend(modules)
    }

    /// Named modules in order. A name given twice traps.
    public init(_ modules: [(String, Module)]) {
        super.init()
        for (name, module) in modules { addModule(name, module) }
    }

    /// Named modules in order, from any sequence.
    @_disfavoredOverload public init(_ modules: some Sequence<(String, Module)>) {
        super.init()
        for (name, module) in modules { addModule(name, module) }
    }

    /// Named modules in order.
    public init(_ modules: OrderedDictionary<String, some Module>) {
        super.init()
        for (name, module) in modules { addModule(name, module) }
    }

    /// Unavailable, since a dictionary has no order.
    @available(
        *, unavailable,
        message:
            "a Dictionary has no order; write a list of pairs, Sequential([(\"a\", m), (\"b\", n)]), annotate the literal, let s: Sequential = [\"a\": m], or pass an OrderedDictionary"
    )
    @_disfavoredOverload public init(_ modules: [String: Module]) { super.init() }

    /// Passes `x` through all modules in order.
    open override func forward(_ x: Tensor) -> Tensor {
        var x = x
        if let extras {
            for (_, module) in extras.modules { x = module(x) }
        }
        return x
    }

    /// Adds a module at the end, named by its index. PyTorch: `append`.
    @discardableResult public final func append(_ module: Module) -> Self {
        addModule("\(count)", module)
        return self
    }

    /// Adds modules at the end, named by their indices. PyTorch: `extend`.
    @discardableResult public final func extend(_ modules: some Sequence<Module>) -> Self {
        for module in modules { append(module) }
        return self
    }

    /// Inserts a module before the one at `position`; afterwards all are named by their indices. A negative position counts from the end.
    /// Traps for a position beyond the modules. PyTorch: `insert`.
    @discardableResult public final func insert(_ module: Module, at position: Int) -> Self {
        insertNumbered(module, position)
        return self
    }

    /// The module of that name, nil where there is none. Setting appends, replaces or (nil) removes it.
    public final subscript(name: String) -> Module? {
        get { named(name) }
        set { set(name, newValue) }
    }
}

/// The modules in order; indices from 0, negative ones count from the end.
extension Sequential: RandomAccessCollection {
    public final var startIndex: Int { 0 }
    public final var endIndex: Int { extras?.modules.count ?? 0 }

    /// The module at `position`; negative indices count from the end. Setting replaces the module and keeps its name. Traps where there is
    /// none.
    public final subscript(position: Int) -> Module {
        get { numbered(position) }
        set { exchange(position, newValue) }
    }
}

/// `["a": m, "b": n]` in the order written. A separate protocol, so that subclasses need no required initialiser.
public protocol NamedModuleLiteral: ExpressibleByDictionaryLiteral where Key == String, Value == Module {}

extension NamedModuleLiteral {
    /// Named modules in the order written.
    public init(dictionaryLiteral elements: (String, Module)...) {
        guard let sequence = Sequential(elements) as? Self else {
            trap(
                "\(Self.self)",
                "a dictionary literal makes a Sequential, not its subclass \(Self.self); call its initialiser with a list of pairs")
        }
        self = sequence
    }
}

extension Sequential: NamedModuleLiteral {}

// Not generic in its elements: Swift has no defaults for generic arguments, so that `let layers: ModuleList`, subclasses and casts would no
// longer compile, and a list made of one class would refuse another later. The typed list is an array.

/// A list of modules without a `forward`. PyTorch: `nn.ModuleList`.
///
/// Its elements are `Module`s. Where they are of one class whose calls take more than one tensor, an array does the same with the elements'
/// own type, has the same keys and prints the same: `var ups: [Up]`, then `for (up, skip) in zip(ups, skips) { x = up(x, skip) }`.
open class ModuleList: Module {
    /// `modules`, named by their indices.
    public init(_ modules: [Module] = []) {
        super.init()
        extend(modules)
    }

    open override var description: String { printedList(typeName, map(\.description)) }

    /// Adds a module at the end. PyTorch: `append`.
    @discardableResult public final func append(_ module: Module) -> Self {
        addModule("\(count)", module)
        return self
    }

    /// Adds modules at the end. PyTorch: `extend`.
    @discardableResult public final func extend(_ modules: some Sequence<Module>) -> Self {
        for module in modules { append(module) }
        return self
    }

    /// Inserts a module before the one at `position`; a negative one counts from the end. Traps for a position beyond the modules.
    /// PyTorch: `insert`.
    @discardableResult public final func insert(_ module: Module, at position: Int) -> Self {
        insertNumbered(module, position)
        return self
    }
}

extension ModuleList: RandomAccessCollection {
    public final var startIndex: Int { 0 }
    public final var endIndex: Int { extras?.modules.count ?? 0 }

    /// The module at `position`; negative indices count from the end. Setting replaces it. Traps where there is none.
    public final subscript(position: Int) -> Module {
        get { numbered(position) }
        set { exchange(position, newValue) }
    }
}

extension Module {
    /// The module registered under that name, nil where there is none.
    final func named(_ name: String) -> Module? { extras?.modules.first { $0.name.isSame(as: name) }?.module }

    /// Appends a module under that name, replaces the one that has it, or (nil) removes it.
    final func set(_ name: String, _ module: Module?) {
        let position = extras?.modules.firstIndex { $0.name.isSame(as: name) }
        switch (position, module) {
        case (let position?, let module?): extras?.modules[position].module = module
        case (let position?, nil): extras?.modules.remove(at: position)
        case (nil, let module?): addModule(name, module)
        case (nil, nil): break
        }
    }

    fileprivate func numbered(_ position: Int) -> Module {
        let modules = extras?.modules ?? []
        let at = position < 0 ? position + modules.count : position
        guard modules.indices.contains(at) else {
            fail(typeName, "index \(position) is out of range for \(modules.count) modules")
            return Module()
        }
        return modules[at].module
    }

    fileprivate func exchange(_ position: Int, _ module: Module) {
        let count = extras?.modules.count ?? 0
        let at = position < 0 ? position + count : position
        guard at >= 0 && at < count else {
            fail(typeName, "index \(position) is out of range for \(count) modules")
            return
        }
        extras?.modules[at].module = module
    }

    fileprivate func insertNumbered(_ module: Module, _ position: Int) {
        let extras = extrasForWriting
        let at = position < 0 ? position + extras.modules.count : position
        guard at >= 0 && at <= extras.modules.count else {
            fail("\(typeName).insert", "position \(position) is out of range for \(extras.modules.count) modules")
            return
        }
        extras.modules.insert(("", module), at: at)
        for i in extras.modules.indices { extras.modules[i].name = "\(i)" }
    }
}

/// Passes `input` through `modules`, such as a `Sequential` or a `ModuleList`, in order, in `segments` parts of equal length, the last of
/// which takes what is left. All but the last are checkpoints: what their ops save is computed again in the backward pass. PyTorch:
/// `torch.utils.checkpoint.checkpoint_sequential`.
///
/// ```swift
/// let y = checkpointSequential(model.blocks, 4, x)
/// ```
/// Hooks of the container itself are not called. Traps unless there are 1 ... `modules.count` segments.
public func checkpointSequential(_ modules: some Sequence<Module>, _ segments: Int, _ input: Tensor) -> Tensor {
    let functions: [(Tensor) -> Tensor] = modules.map { module in { (x: Tensor) in module(x) } }
    return checkpointSequential(functions, segments, input)
}
