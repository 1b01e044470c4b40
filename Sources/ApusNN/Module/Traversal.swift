import ApusCore

/// The contents of a module by name, in PyTorch's order: a module's own parameters first, then its children's.
/// A module, parameter or buffer that is reached twice is listed once, under the first name.
extension Module {
    /// The modules directly in it. PyTorch: `children()`.
    public final func children() -> [Module] { namedChildren().map(\.module) }

    /// The modules directly in it with their names; in an array or dictionary `blocks.0`. PyTorch: `named_children()`.
    public final func namedChildren() -> [(name: String, module: Module)] {
        var seen: Set<ObjectIdentifier> = []
        return members().modules.filter { seen.insert(ObjectIdentifier($0.module)).inserted }
    }

    /// The module itself and every module in it. PyTorch: `modules()`.
    public final func modules() -> [Module] { namedModules().map(\.module) }

    /// The module itself (under the name `prefix`) and every module in it, with their paths. PyTorch: `named_modules()`.
    public final func namedModules(prefix: String = "") -> [(name: String, module: Module)] {
        walk(prefix).map { ($0.name, $0.module) }
    }

    /// The parameters, each once, as an optimizer takes them; without `recurse` those of modules in it are left out. PyTorch:
    /// `parameters()`.
    public final func parameters(recurse: Bool = true) -> [Parameter] { namedParameters(recurse: recurse).map(\.parameter) }

    /// The parameters with their paths behind `prefix`, each once; without `recurse` those of modules in it are left out.
    /// PyTorch: `named_parameters()`.
    public final func namedParameters(prefix: String = "", recurse: Bool = true) -> [(name: String, parameter: Parameter)] {
        unique(prefix, recurse) { $0.parameters.map { ($0.name, $0.parameter) } }.map { ($0.0, $0.1) }
    }

    /// The buffers, such as running statistics, each once; without `recurse` those of modules in it are left out. PyTorch: `buffers()`.
    public final func buffers(recurse: Bool = true) -> [Buffer] { namedBuffers(recurse: recurse).map(\.buffer) }

    /// The buffers with their paths behind `prefix`, each once; without `recurse` those of modules in it are left out.
    /// PyTorch: `named_buffers()`.
    public final func namedBuffers(prefix: String = "", recurse: Bool = true) -> [(name: String, buffer: Buffer)] {
        unique(prefix, recurse) { $0.buffers.map { ($0.name, $0.buffer) } }.map { ($0.0, $0.1) }
    }

    /// The module at a path such as `features.3`; the module itself for the empty path, nil where there is none. PyTorch: `get_submodule`.
    public final func submodule(_ path: String) -> Module? {
        path.isEmpty
            ? self
            : allMembers().lazy.flatMap { entry in entry.members.modules.map { (joined(entry.name, $0.name), $0.module) } }.first {
                $0.0 == path
            }?.1
    }

    /// `modules()`; fails where keys collide or lazy layers do not exist yet.
    final func checkedModules() -> [Module] {
        walk("").map { place in
            place.module.check(place.members)
            return place.module
        }
    }

    private func unique<Value: AnyObject>(_ prefix: String, _ recurse: Bool, _ pick: (Members) -> [(String, Value)]) -> [(String, Value)] {
        var seen: Set<ObjectIdentifier> = []
        let places = recurse ? walk(prefix) : [(prefix, self, members())]
        for place in places { place.1.check(place.2) }
        return places.flatMap { place in pick(place.members).map { (joined(place.name, $0.0), $0.1) } }
            .filter { seen.insert(ObjectIdentifier($0.1)).inserted }
    }

    /// Every module once, before its children.
    private func walk(_ prefix: String) -> [(name: String, module: Module, members: Members)] {
        var seen: Set<ObjectIdentifier> = []
        var found: [(name: String, module: Module, members: Members)] = []
        func visit(_ name: String, _ module: Module) {
            guard seen.insert(ObjectIdentifier(module)).inserted else { return }
            let members = module.members()
            found.append((name, module, members))
            for (key, child) in members.modules { visit(joined(name, key), child) }
        }
        visit(prefix, self)
        return found
    }

    /// Every module under every name it has, before its children, as in a state dict. A module is listed at most once on each path.
    final func allMembers() -> [MemberPlace] {
        var path: Set<ObjectIdentifier> = []
        var found: [MemberPlace] = []
        func visit(_ name: String, _ olderName: String, _ module: Module) {
            guard path.insert(ObjectIdentifier(module)).inserted else { return }
            let place = MemberPlace(name: name, olderName: olderName, module: module, members: module.members())
            found.append(place)
            for (key, child) in place.members.modules { visit(place.key(key), place.olderKey(key), child) }
            path.remove(ObjectIdentifier(module))
        }
        visit("", "", self)
        return found
    }
}

/// A module with its path and its members.
struct MemberPlace {
    let name: String
    /// The path in files written before today's spelling of names.
    let olderName: String
    let module: Module
    let members: Members

    /// The path of the member of that name.
    func key(_ member: String) -> String { joined(name, member) }
    /// That path in older files.
    func olderKey(_ member: String) -> String { joined(olderName, members.olderNames[member] ?? member) }
}

/// Joins a path and a name by a dot; without a dot where the path is empty.
func joined(_ path: String, _ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }
