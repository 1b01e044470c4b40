import ApusCore
import ApusNN
import Testing

private final class Elsewhere { let layer = Linear(2, 2) }
private nonisolated(unsafe) var global: Module = Linear(2, 2)

/// Calls the layer that `find` returns.
private final class Caller: Module {
    let find: () -> Module
    let fc = Linear(2, 2)
    @Unregistered var meant: Module? = nil
    @Unregistered var listed: [Module] = []
    init(_ find: @escaping () -> Module) { self.find = find }
    override func forward(_ x: Tensor) -> Tensor { find()(fc(x)) }
}

private var x: Tensor { Tensor.ones([3, 2]) }

@Suite struct OwnershipTests {
    private func isRefused(_ body: () -> Void) -> Bool {
        do {
            try checked { body() }
            return false
        } catch {
            return "\(error)".contains("it is not among Caller's modules, so no optimizer sees it")
        }
    }

    @Test func aLayerThatNobodyOwnsIsRefusedInTraining() {
        let elsewhere = Elsewhere()
        let made: [(String, () -> Module)] = [
            ("captured", { [layer = Linear(2, 2)] in layer }), ("global", { global }), ("another object's", { elsewhere.layer }),
            ("made in the call", { Linear(2, 2) }),
            ("a container", { [layer = Sequential(ReLU(), Linear(2, 2))] in layer }),
        ]
        for (name, find) in made {
            let net = Caller(find)
            for _ in 0..<2 { #expect(isRefused { _ = net(x) }, "\(name)") }
            // The call is allowed if nothing is trained.
            #expect(!isRefused { noGrad { _ = net(x) } }, "\(name)")
            #expect(!isRefused { inferenceMode { _ = net(x) } }, "\(name)")
            #expect(!isRefused { _ = net.eval()(x) }, "\(name)")
            #expect(isRefused { _ = net.train()(x) }, "\(name)")
            // Also when nested.
            #expect(isRefused { _ = Sequential(ReLU(), net)(x) }, "\(name)")
        }
    }

    @Test func whatIsMeantOrHasNothingToLearnIsNotConcerned() {
        let frozen = Linear(2, 2).requiresGrad_(false)
        let silent: [Module] = [
            ReLU(), Dropout(0.5), Identity(), Sequential(ReLU(), Tanh()), frozen, Linear(2, 2).eval(), BatchNorm1d(2, affine: false),
        ]
        for module in silent {
            let net = Caller { module }
            for _ in 0..<2 { #expect(!isRefused { _ = net(x) }, "\(module)") }
        }
        frozen.requiresGrad_()
        #expect(isRefused { _ = Caller { frozen }(x) })
        let layer = Linear(2, 2)
        let net = Caller { layer }
        net.meant = layer
        #expect(!isRefused { _ = net(x) } && net.parameters().count == 2)
        let teacher = Sequential(Linear(2, 2), Sequential(Linear(2, 2)))
        let student = Caller { teacher }
        student.listed = [teacher]
        for _ in 0..<2 { #expect(!isRefused { _ = student(x) }) }
        // A layer used in the distance function of a loss.
        let distance = TripletMarginWithDistanceLoss(distanceFunction: { layer($0 - $1).norm(dim: 1) })
        #expect(!isRefused { _ = distance(x, x, x * 2) })
        // A part of a listed model.
        let part = Caller { teacher[1] }
        part.listed = [teacher]
        #expect(!isRefused { _ = part(x) })
    }

    @Test func anyModuleAroundMayBeTheOwner() {
        final class Root: Module {
            let head = Linear(2, 2)
            let stages: [(conv: Linear, caller: Caller)]
            override init() { stages = [(Linear(2, 2), Caller { [head] in head })] }
            override func forward(_ x: Tensor) -> Tensor { stages[0].caller(stages[0].conv(x)) }
        }
        let root = Root()
        for _ in 0..<2 { #expect(!isRefused { _ = root(x) }) }
        // Called alone, without its owner.
        let stray = Caller { root.head }
        #expect(isRefused { _ = stray(x) })
        // One layer in two models, called in turn.
        let (a, b) = (Sequential(root.head), Sequential(ReLU(), root.head))
        for _ in 0..<3 { #expect(!isRefused { _ = b(a(x)) }) }
    }

    @Test func aModuleAtAFreedOnesAddressIsAnother() {
        let layer = Linear(2, 2)
        for _ in 0..<50 {
            do { _ = Sequential(layer)(x) }
            #expect(isRefused { _ = Caller { layer }(x) })
        }
    }

    @Test func copiesAndHooksAreTheirOwn() {
        final class Net: Module {
            let block = (Linear(2, 2), ReLU())
            override func forward(_ x: Tensor) -> Tensor { block.1(block.0(x)) }
        }
        let net = Net()
        _ = net(x)
        let copy = net.copy()
        #expect(!isRefused { _ = copy(x) })
        let probe = Linear(2, 1)
        net.block.0.registerForwardHook { _, _, outputs in
            _ = probe(outputs[0].detach())
            return nil
        }
        #expect(!isRefused { _ = net(x) })
    }

    @Test func theMessageNamesThePath() {
        let net = Sequential(Caller { [layer = Linear(2, 2)] in layer })
        #expect { try checked { net(x) } } throws: { error in
            (error as? OpError)?.modulePath == "Sequential.0 (Caller)" && "\(error)".contains("@Unregistered")
                && "\(error)".hasPrefix("Linear in ")
        }
    }
}
