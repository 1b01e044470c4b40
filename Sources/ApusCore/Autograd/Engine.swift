import Synchronization

/// Runs the backward pass in a loop over the nodes in topological order, so that deep graphs need no deep call stack.
enum Engine {
    private static let passes = Atomic<UInt64>(0)

    /// A gradient that the pass starts from.
    struct Root {
        var edge: Edge
        var gradient: Tensor
    }

    /// The state of a node in an enclosing pass, saved while a nested pass uses the node.
    private struct Interruption {
        private let node: Node
        private let neededBy: UInt64
        private let gradients: (grad: Tensor?, more: [Tensor?])

        init(of node: Node) {
            self.node = node
            neededBy = node.neededBy
            gradients = node.take()
        }

        func end() {
            node.neededBy = neededBy
            (node.slot, node.moreSlots) = gradients
        }
    }

    /// Runs the backward pass from `roots`. With `captures`, returns the gradients at those edges, and leaves accumulate nothing. Without,
    /// leaves accumulate into `grad`: those with an edge in `leaves`, or all if it is nil.
    static func run(
        _ roots: [Root], captures: [Edge]?, leaves: [Edge]? = nil, retainGraph: Bool, createGraph: Bool
    ) throws(OpError) -> [Tensor?] {
        let context = Context.current
        let enclosing = context.pass
        let pass = passes.add(1, ordering: .relaxed).newValue
        var interruptions: [Interruption]? = enclosing == 0 ? nil : []
        let order = topologicalOrder(
            from: roots.compactMap(\.edge.node), pass: pass, captures: captures, leaves: leaves, interrupting: &interruptions)
        var captured = [Tensor?](repeating: nil, count: captures?.count ?? 0)
        // However the pass ends, partially accumulated gradients must not reach the next pass.
        defer {
            for node in order where node.neededBy == pass { _ = node.take() }
            if let interruptions { for interruption in interruptions { interruption.end() } }
        }

        context.pass = pass
        let outer = context.gradEnabled
        context.gradEnabled = createGraph
        // Anomaly mode must name the recorded op, not an op inside its derivative.
        let watches = context.anomaly
        context.anomaly = false
        // Derivatives run in the dtypes of their forward ops.
        let cast = context.autocast
        context.autocast = nil
        defer {
            context.pass = enclosing
            context.gradEnabled = outer
            context.autocast = cast
            context.anomaly = watches
        }

        for root in roots where root.edge.node?.neededBy == pass {
            try root.edge.node?.collect(root.gradient, for: Int(root.edge.index), createGraph: createGraph)
        }
        for node in order.reversed() where node.neededBy == pass {
            var (first, more) = node.take()
            for hook in node.hooks {
                let at = Int(hook.index) - 1
                guard let grad = at < 0 ? first : more[at] else { continue }
                let seen = createGraph ? grad : Tensor(sharing: grad)
                if let given = hook.run(seen) {
                    let replaced = try GradientForm(grad).fit(given, "a hook", "a result of \(node.name)")
                    if at < 0 { first = replaced } else { more[at] = replaced }
                }
            }
            // A failed sum or hook ends the pass.
            if first?.isPoisoned ?? false || more.contains(where: { $0?.isPoisoned ?? false }) { return captured }
            if let captures {
                for (i, edge) in captures.enumerated() where edge.node === node {
                    captured[i] = edge.index == 0 ? first : more[Int(edge.index) - 1]
                }
                // A captured node that leads to no other needed node: its inputs' gradients are not needed.
                if !node.edges.any({ $0.neededBy == pass }) { continue }
            }
            if first == nil && more.allSatisfy({ $0 == nil }) { continue }
            let results: Gradients
            do throws(OpError) {
                results = try Context.activity(.derivative(node)) { () throws(OpError) in
                    try node.backward(first, more, createGraph: createGraph)
                }
            } catch {
                throw Anomaly.locate(error, node)
            }
            if watches { try Anomaly.checkBackward(node, results) }
            if !retainGraph { node.releaseSaved() }
            for i in results.indices {
                guard let result = results[i], let target = node.edges[i].node, target.neededBy == pass else { continue }
                if result.isPoisoned { return captured }
                try target.collect(result, for: Int(node.edges[i].index), createGraph: createGraph)
            }
        }
        return captured
    }

    /// The nodes reachable from `roots`, inputs before the nodes that use them. Marks nodes whose gradient is needed. If this pass is
    /// nested in another, `interrupting` saves the other's state at nodes that both need.
    private static func topologicalOrder(
        from roots: [Node], pass: UInt64, captures: [Edge]?, leaves: [Edge]?, interrupting: inout [Interruption]?
    ) -> [Node] {
        var order: [Node] = []
        var stack: [(node: Node, next: Int)] = []
        let wanted = (captures ?? leaves).map { Set($0.compactMap { $0.node.map(ObjectIdentifier.init) }) }
        func isWanted(_ node: Node) -> Bool { wanted.map { $0.contains(ObjectIdentifier(node)) } ?? (node is AccumulateNode) }
        func need(_ node: Node) {
            if node.neededBy == pass { return }
            interrupting?.append(Interruption(of: node))
            node.neededBy = pass
        }
        for root in roots where root.visit != pass {
            root.visit = pass
            if isWanted(root) { need(root) }
            stack.append((root, 0))
            while let (node, next) = stack.last {
                if next < node.edges.count {
                    stack[stack.count - 1].next += 1
                    if let child = node.edges[next].node, child.visit != pass {
                        child.visit = pass
                        if isWanted(child) { need(child) }
                        stack.append((child, 0))
                    }
                } else {
                    stack.removeLast()
                    order.append(node)
                    // A node with hooks or a retained gradient is needed too, except leaves that are not in `leaves`.
                    if (captures == nil && !node.hooks.isEmpty && (leaves == nil || !(node is AccumulateNode)))
                        || node.edges.any({ $0.neededBy == pass })
                    {
                        need(node)
                    }
                }
            }
        }
        return order
    }
}
