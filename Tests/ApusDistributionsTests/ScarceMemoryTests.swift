import ApusCore
import ApusDistributions
import Foundation
import TestSupport
import Testing

/// Every distribution with an allocator that refuses its k-th block, for every k: only an error within `checked` may result.
@Suite struct ScarceMemoryTests {
    /// Samples, logarithms and entropies of `p`, as far as it has them.
    private static func answers(_ p: Distribution, _ value: Tensor) -> [Tensor] {
        [p.hasRsample ? p.rsample([2]) : p.sample([2]), p.logProb(value)] + (p is Poisson ? [] : [p.entropy()])
    }

    @Test func distributions() throws {
        let (names, complaints) = try alone {
            var (names, complaints, scratch): (Set<String>, [String], Int) = ([], [], 0)
            for run in DistributionTests.cases {
                let name: String = run.value("name")
                let found = complaintsWithoutMemory("\(name) of \(run["arguments"]!.text)", scratch: &scratch) {
                    let value = Recorded.tensor(run["values"]!)
                    let parameters = Recorded.parameters(run["arguments"]!).sorted { $0.key < $1.key }
                    return Trial(
                        parameters.map { $0.value.requiresGrad_() },
                        differentiating: { leaves in
                            let given = Dictionary(uniqueKeysWithValues: zip(parameters.map(\.key), leaves))
                            return Self.answers(Recorded.distribution(name, given), value)
                        })
                }
                if found != nil { names.insert(name) }
                complaints += found ?? ["\(name) fails with all memory"]
            }
            return (names, complaints)
        }
        #expect(complaints.isEmpty, "\(complaints.joined(separator: "\n"))")
        let classes = try Regex("final class (\\w+): Distribution", as: (Substring, Substring).self)
        let folder = inCheckout("../../Sources/ApusDistributions")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        let written = try files.flatMap { try String(contentsOf: $0, encoding: .utf8).matches(of: classes).map { String($0.output.1) } }
        #expect(names == Set(written))
    }
}
