import ApusCore

extension Profile {
    /// A row of a table: an op, a module or an optimizer, with sums over all steps.
    public struct Row: Sendable {
        /// The name of the op, module or optimizer.
        public var name: String
        /// The number of modules that contain it.
        public var depth = 0
        /// How often it was computed or called.
        public var calls = 0
        /// Seconds of its forward computation.
        public var forward = 0.0
        /// Seconds of its derivatives.
        public var backward = 0.0
        /// The bytes of inputs and outputs, forward and backward.
        public var bytes = 0

        init(_ name: String, depth: Int = 0) { (self.name, self.depth) = (name, depth) }

        /// Seconds in total.
        public var time: Double { forward + backward }

        fileprivate mutating func add(_ event: Event) {
            bytes += event.bytes
            if event.kind == .backward {
                backward += event.duration
            } else {
                forward += event.duration
                calls += 1
            }
        }
    }

    /// Ops and optimizers, sorted by descending time.
    public var ops: [Row] {
        var rows: [String: Row] = [:]
        for event in events where event.kind != .module && !event.isInner { rows[event.name, default: Row(event.name)].add(event) }
        return rows.values.sorted { ($1.time, $0.name) < ($0.time, $1.name) }
    }

    /// The model's modules, each before its submodules and including their times; then modules outside the model.
    public var layers: [Row] {
        var rows: [Row] = []
        var places: [String: Int] = [:]
        /// For each row, its index and those of the modules that contain it.
        var chains: [[Int]] = []
        for (i, module) in modules.enumerated() {
            let parent = i == 0 ? nil : modules[..<i].lastIndex { module.path.hasPrefix($0.path + ".") } ?? 0
            let short = parent.map { $0 == 0 ? module.path : String(module.path.dropFirst(modules[$0].path.count + 1)) }
            chains.append([i] + (parent.map { chains[$0] } ?? []))
            rows.append(Row(short.map { "\($0) (\(module.type))" } ?? module.path, depth: chains[i].count - 1))
            places[module.path] = i
        }
        func place(_ path: String) -> Int {
            if let place = places[path] { return place }
            places[path] = rows.count
            chains.append([rows.count])
            rows.append(Row(path))
            return rows.count - 1
        }
        for event in events where !event.isInner {
            if event.kind == .module {
                rows[place(event.name)].add(event)
            } else if let module = event.module {
                for i in chains[place(module)] {
                    rows[i].bytes += event.bytes
                    if event.kind == .backward { rows[i].backward += event.duration }
                }
            }
        }
        return rows
    }

    /// Seconds in ops, derivatives and optimizers; the rest of `duration` is spent between them, in the graph and in the caller's code.
    public var accounted: Double { events.reduce(0) { $1.kind == .module || $1.isInner ? $0 : $0 + $1.duration } }

    /// Two tables for the terminal, by op and by module: averages per step, with the share of the time as a bar.
    public func text(unicode: Bool = true) -> String {
        let step = duration / Double(steps)
        var lines = table("op", ops.filter { $0.time * 1000 >= duration }, ofTotal: duration, unicode)
        let small = ops.count { $0.time * 1000 < duration }
        if small > 0 { lines.append("and \(small) below 0.1 %") }
        if !layers.isEmpty { lines += [""] + table("module", layers, ofTotal: duration, unicode) }
        let share = Text.fixed(accounted / duration * 100, 1)
        lines += ["", "a step \(Table.time(step)), \(share) % of it in ops; average of \(steps)"]
        return lines.joined(separator: "\n")
    }

    private func table(_ title: String, _ rows: [Row], ofTotal total: Double, _ unicode: Bool) -> [String] {
        let n = Double(steps)
        let columns: [(head: String, cell: (Row) -> String)] = [
            (title, { String(repeating: "  ", count: $0.depth) + $0.name }),
            ("calls", { Text.short((Double($0.calls) / n * 100).rounded() / 100) }),
            ("forward", { $0.forward == 0 ? "-" : Table.time($0.forward / n) }),
            ("backward", { $0.backward == 0 ? "-" : Table.time($0.backward / n) }),
            ("bytes", { $0.bytes == 0 ? "-" : Text.bytes(Int(Double($0.bytes) / n)) }),
            ("share", { Text.fixed($0.time / total * 100, 1) + " %" }),
        ]
        return Table.text(columns.map { column in [column.head] + rows.map(column.cell) }, shares: rows.map { $0.time / total }, unicode)
    }
}

extension Profile: CustomStringConvertible {
    /// The tables.
    public var description: String { text() }
}
