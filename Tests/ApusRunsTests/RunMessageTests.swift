import ApusFormats
import ApusNN
@testable import ApusCommand
@testable import ApusRuns
import Foundation
import TestSupport
import Testing

/// Messages of runs name options by what they are: properties for a program, dashes on the command line.
@Suite struct RunMessageTests {
    /// The name of an option in a message is that of its property, and of the option that is typed.
    @Test func optionsHaveTheNamesOfTheirProperties() {
        let properties = Set(Mirror(reflecting: RunOptions()).children.compactMap(\.label))
        for key in RunOptions.Key.allCases {
            let message: RunMessage = "a higher \(option: key) may help"
            #expect(properties.contains("\(key)"), "\(key)")
            #expect(message.description == "a higher \(key) may help" && message.typed == "a higher \(key.flag) may help")
            #expect(RunError("\("x"): \(RunError(message))").message.typed == "x: \(message.typed)")
        }
        #expect(RunOptions.table.map(\.key) == RunOptions.Key.allCases.map(\.rawValue))
    }

    /// What is wrong is said in the words of who asked.
    @Test func aProgramAndACommandReadTheirOwnWords() throws {
        let folder = TemporaryFolder()
        func error(_ body: () throws -> Void) throws -> RunError { try #require(throws: RunError.self, performing: body) }
        let cases: [(RunError, program: String, typed: String)] = try [
            (error { _ = try RunOptions(batchSize: 0) }, "batchSize is 0, it must", "--batch-size is 0, it must"),
            (
                error { _ = try RunOptions(data: "mnist", decoding: .scaled) }, "decoding is for folders of pictures",
                "--fast-decode is for folders of pictures"
            ),
            (
                error {
                    let new = RunFolder(folder.file("run"))
                    for _ in 0..<2 { try new.create(RunOptions()) }
                }, "holds a run already; go on with it by Run(resuming: \"\(folder.file("run"))\"), or choose another folder",
                "holds a run already; go on with it by apus train --resume \(folder.file("run")), or choose another folder by --out"
            ),
            (
                error { _ = try Pretrained(folder.file("weights.pth"), JSON.null).load(into: Linear(2, 3)) },
                "FileConversion(\"\(folder.file("weights.pth"))\", to: \"OUT.safetensors\", at: \"PLACE\") takes them out",
                "`apus convert \(folder.file("weights.pth")) OUT.safetensors --at PLACE` takes them out"
            ),
        ]
        for (error, program, typed) in cases {
            #expect("\(error)".contains(program), "\(error)")
            #expect(error.message.typed.contains(typed), "\(error.message.typed)")
        }
    }

    /// No message of the library speaks of the command line: it has neither options with dashes nor commands, but for properties of CSS.
    @Test func theLibraryDoesNotTalkOfTheCommandLine() throws {
        let root = inCheckout("../../Sources/ApusRuns").path
        let names = try #require(FileManager.default.enumerator(atPath: root)).compactMap { $0 as? String }.filter {
            $0.hasSuffix(".swift")
        }
        #expect(names.count > 30)
        for name in names {
            let text = try String(contentsOfFile: root + "/" + name, encoding: .utf8)
            for line in text.split(separator: "\n") where !line.drop(while: { $0 == " " }).hasPrefix("//") {
                if !name.hasPrefix("Reports/") { #expect(!line.contains(/--[a-z]/), "\(name): \(line)") }
                #expect(!line.contains(/apus [a-z]/), "\(name): \(line)")
            }
        }
    }
}
