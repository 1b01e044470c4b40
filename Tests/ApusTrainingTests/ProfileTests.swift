import ApusCore
import ApusFormats
import ApusNN
import ApusOptim
import ApusTraining
import TestSupport
import Testing

@Suite struct ProfileTests {
    private final class Net: Module {
        let fc1 = Linear(6, 5)
        let body = Sequential(ReLU(), Linear(5, 3))
        override func forward(_ x: Tensor) -> Tensor { body(fc1(x)) }
    }

    private func profile(steps: Int = 1) -> Profile {
        withGenerator(Generator(seed: 1)) {
            let (model, criterion) = (Net(), CrossEntropyLoss())
            let optimizer = SGD(model.parameters(), lr: 0.1)
            let (x, y) = (Tensor.randn([4, 6]), Tensor([0, 1, 2, 0]))
            return Profile(of: model, steps: steps) {
                optimizer.zeroGrad()
                criterion(model(x), y).backward()
                optimizer.step()
            }
        }
    }

    @Test func everyOpAndModuleHasItsRow() throws {
        let profile = profile(steps: 3)
        let ops = Dictionary(profile.ops.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        #expect(ops["linear"]?.calls == 6 && ops["relu"]?.calls == 3 && ops["SGD.step"]?.calls == 3)
        for name in ["linear", "relu", "crossEntropy"] { #expect(ops[name]!.forward > 0 && ops[name]!.backward > 0, "\(name)") }
        // Forward reads and writes 4 × 5 numbers; backward reads the saved output and the gradient and writes another.
        #expect(ops["relu"]?.bytes == 3 * (2 + 3) * 20 * 4)
        #expect(profile.layers.map(\.name) == ["Net", "fc1 (Linear)", "body (Sequential)", "0 (ReLU)", "1 (Linear)", "CrossEntropyLoss"])
        #expect(profile.layers.map(\.depth) == [0, 1, 1, 2, 2, 0])
        for row in profile.layers { #expect(row.calls == 3 && row.forward > 0 && row.backward > 0, "\(row.name)") }
        let rows = profile.layers
        #expect(rows[0].bytes == rows[1].bytes + rows[2].bytes && rows[2].bytes == rows[3].bytes + rows[4].bytes)
        #expect(profile.accounted > 0 && profile.accounted <= profile.duration)
        #expect(profile.text(unicode: false).contains("average of 3"))
    }

    @Test func whatIsInAnotherLiesWithinIt() {
        let events = profile().events
        var open: [Profile.Event] = []
        for event in events {
            #expect(event.duration >= 0 && event.depth <= open.count)
            open.removeSubrange(event.depth...)
            if let outer = open.last {
                #expect(
                    event.start >= outer.start && event.start + event.duration <= outer.start + outer.duration + 1e-9,
                    "\(event.name) in \(outer.name)")
            }
            #expect(event.isInner == open.contains { $0.kind != .module })
            open.append(event)
        }
        #expect(events.contains { $0.kind == .backward && $0.name == "relu" && $0.module == "body.0" })
        #expect(events.contains { $0.kind == .module && $0.name == "body.1" && $0.depth == 2 })
    }

    @Test func errorsPassAndNothingIsObservedAfterwards() {
        #expect(throws: OpError.self) {
            try checked { Profile { _ = Tensor.ones([2, 3]).mm(Tensor.ones([2, 3])) } }
        }
        #expect(Context.current.observer == nil)
        let after = Profile { _ = Tensor.ones([2]) + 1 }
        #expect(after.ops.map(\.name) == ["add"] && after.layers.isEmpty)
    }

    @Test func theTraceHoldsEveryEvent() throws {
        let profile = profile()
        let folder = TemporaryFolder()
        let path = folder.file("trace.json")
        try profile.writeTrace(to: path)
        guard case .array(let events)? = try JSON(contentsOf: path)["traceEvents"] else { return #expect(Bool(false), "no traceEvents") }
        #expect(events.count == profile.events.count)
        #expect(events.allSatisfy { $0["ph"] == "X" && $0["ts"] != nil && $0["dur"] != nil })
        #expect(events.contains { $0["name"] == "fc1" && $0["cat"] == "module" })
        #expect(throws: (any Error).self) { try profile.writeTrace(to: "/tmp/nowhere/at/all.json") }
    }
}
