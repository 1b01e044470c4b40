import ApusCore
import TestSupport
import Testing

/// How options of printing are set; `RecordedOps.printsWithOptions` has what they do.
@Suite struct PrintOptionsTests {
    /// They are the process's, so this has its own.
    @Test func optionsHoldForAllThreads() async {
        await #expect(processExitsWith: .success) {
            let text = { @Sendable in Tensor([0.125, 2]).description }
            PrintOptions.current.precision = 2
            #expect(text() == "tensor([0.12, 2.00])")
            let elsewhere = await Task.detached { text() }.value
            #expect(elsewhere == "tensor([0.12, 2.00])")
            withPrintOptions(PrintOptions(precision: 1)) {
                #expect(text() == "tensor([0.1, 2.0])")
                PrintOptions.current.precision = 3
                #expect(text() == "tensor([0.125, 2.000])")
            }
            #expect(text() == "tensor([0.12, 2.00])")
            PrintOptions.current = .default
            #expect(text() == "tensor([0.1250, 2.0000])")
        }
    }

    @Test func wrongOptionsChangeNothing() {
        withPrintOptions(.default) {
            for (change, word) in [
                ({ $0.precision = -1 }, "precision"), ({ $0.threshold = -2 }, "threshold"), ({ $0.edgeitems = -3 }, "edgeitems"),
                ({ $0.linewidth = -4 }, "linewidth"), ({ $0.precision = 1001 }, "1000"),
            ] as [((inout PrintOptions) -> Void, String)] {
                #expect(message { change(&PrintOptions.current) }.contains(word))
                var wrong = PrintOptions()
                change(&wrong)
                #expect(message { withPrintOptions(wrong) {} }.contains(word))
                #expect(PrintOptions.current == .default)
            }
        }
    }
}
