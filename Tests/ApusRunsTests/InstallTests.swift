import Foundation
import TestSupport
import Testing

/// `scripts/install` on a machine on which another process is updating packages, as after booting.
@Suite struct InstallTests {
    private let script = inCheckout("../../scripts/install").path

    /// Runs it with a fake apt-get, whose `update` fails `refusals` times with `message`, and a fake clock. Returns apt-get's calls too.
    private func install(refusals: Int, _ message: String) throws -> (status: Int32, calls: [String], errors: String) {
        let folder = TemporaryFolder()
        func tool(_ name: String, _ text: String) { chmod(folder.write(Array("#!/bin/sh\n\(text)\n".utf8), "bin/\(name)"), 0o755) }
        tool("dpkg-query", "exit 1")
        tool("sleep", "exit 0")
        tool("swift", "exit 0")
        tool("sudo", "exec \"$@\"")
        tool(
            "apt-get",
            """
            echo "$@" >> '\(folder.file("calls"))'
            case "$*" in *update*) ;; *) exit 0;; esac
            [ "$(grep -c update '\(folder.file("calls"))')" -gt \(refusals) ] && exit 0
            echo "\(message)" >&2
            exit 100
            """)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["bash", script, "another-package"]
        process.environment = ["PATH": "\(folder.file("bin")):/usr/bin:/bin"]
        let errors = Pipe()
        process.standardOutput = FileHandle.nullDevice
        process.standardError = errors
        try process.run()
        let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        let calls = String(decoding: bytes(ofFile: folder.file("calls")), as: UTF8.self).split(separator: "\n").map(String.init)
        return (process.terminationStatus, calls, text)
    }

    @Test func itWaitsForOthers() throws {
        let result = try install(refusals: 3, "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 1 (apt-get)")
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.calls.filter { $0.contains("update") }.count == 4)
        #expect(result.calls.last?.contains("install") == true && result.calls.last?.contains("another-package") == true)
        #expect(result.calls.allSatisfy { $0.contains("DPkg::Lock::Timeout=") }, "\(result.calls)")
    }

    @Test func otherErrorsAreNotWaitedFor() throws {
        let result = try install(refusals: 3, "E: The repository is not signed.")
        #expect(result.status != 0 && result.calls.count == 1 && result.errors.contains("not signed"))
    }
}
