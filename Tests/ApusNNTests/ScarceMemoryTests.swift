import ApusCore
import TestSupport
import Testing

/// The functions of `F` and the transforms with an allocator that refuses its k-th block, for every k: only an error in `checked`.
@Suite struct ScarceMemoryTests {
    @Test func recordedCalls() throws {
        let (count, complaints) = try alone {
            var complaints: [String] = []
            var (count, scratch) = (0, 0)
            for (name, call) in RecordedCallTests.calls.sorted(by: { $0.key < $1.key }) {
                let wanted = RecordedCallTests.recorded[name]!
                let found = complaintsWithoutMemory(name, scratch: &scratch) {
                    Trial(
                        wanted.inputs.enumerated().map { i, value in
                            wanted.gradients["\(i)"] == nil ? value.tensor : value.tensor.requiresGrad_()
                        }, differentiating: call)
                }
                count += found == nil ? 0 : 1
                complaints += found ?? []
            }
            return (count, complaints)
        }
        #expect(complaints.isEmpty, "\(complaints.joined(separator: "\n"))")
        #expect(count >= 150, "\(count) calls")
    }
}
