import ApusCore
import ApusFormats
import ApusSystem
import Foundation
import TestSupport
import Testing

@Suite struct AtomicFileTests {
    let folder = TemporaryFolder()

    @Test func anErrorLeavesTheOldFileAndNothingElse() throws {
        struct Stop: Error {}
        try AtomicFile.write("old", to: folder.file("a"))
        #expect(throws: Stop.self) {
            try AtomicFile.write(to: folder.file("a")) { writer in
                try writer.write([UInt8](repeating: 1, count: 1 << 20))
                throw Stop()
            }
        }
        #expect(bytes(ofFile: folder.file("a")) == Array("old".utf8))
        #expect(folder.names == ["a"])
    }

    @Test func piecesOfEverySizeArriveInOrder() throws {
        var random = SplitMix(state: 3)
        var all: [UInt8] = []
        try AtomicFile.write(to: folder.file("a")) { writer in
            writer.checksum = Checksum()
            for size in [0, 1, 65_535, 65_536, 65_537, 7, 200_000, 3] {
                let piece = (0..<size).map { _ in UInt8.random(in: 0...255, using: &random) }
                all += piece
                try writer.write(piece)
            }
            #expect(writer.count == all.count)
            #expect(writer.checksum!.value == all.withUnsafeBytes { Checksum.of($0) })
        }
        #expect(bytes(ofFile: folder.file("a")) == all)
    }

    @Test func linksAndPermissionsStay() throws {
        let (file, link) = (folder.file("a"), folder.file("link"))
        try AtomicFile.write("1", to: file)
        chmod(file, 0o640)
        symlink("a", link)
        try AtomicFile.write("22", to: link)
        #expect(bytes(ofFile: file) == Array("22".utf8))
        var status = stat()
        lstat(link, &status)
        #expect(status.st_mode & S_IFMT == S_IFLNK)
        stat(file, &status)
        #expect(status.st_mode & 0o777 == 0o640)
    }

    /// Links are followed: through other links, into another folder, to a file that does not exist yet.
    @Test func danglingLinksAreFollowed() throws {
        folder.write([1], "there/other")
        for (link, target) in [
            ("a", "new"), ("b", "there/new"), ("c", "./b2"), ("b2", "there/deep"), ("there/d", "../up"), ("e", folder.file("absolute")),
        ] { symlink(target, folder.file(link)) }
        for (link, target) in [("a", "new"), ("b", "there/new"), ("c", "there/deep"), ("there/d", "up"), ("e", "absolute")] {
            for text in ["1", "22"] {
                try AtomicFile.write(text, to: folder.file(link))
                var status = stat()
                lstat(folder.file(link), &status)
                #expect(status.st_mode & S_IFMT == S_IFLNK, "\(link)")
                #expect(bytes(ofFile: folder.file(target)) == Array(text.utf8), "\(link)")
            }
        }
        symlink("nowhere/x", folder.file("lost"))
        #expect(throws: FileError(file: folder.file("lost"), operation: "write", code: ENOENT)) {
            try AtomicFile.write("1", to: folder.file("lost"))
        }
        symlink("round", folder.file("round"))
        #expect(throws: FileError(file: folder.file("round"), operation: "write", code: ELOOP)) {
            try AtomicFile.write("1", to: folder.file("round"))
        }
    }

    /// A name may have any length that the system allows.
    @Test(arguments: [1, 249, 250, 251, 254, 255, 256]) func namesOfEveryLengthAreWritten(count: Int) throws {
        for letter in ["n", "\u{E9}"] where count % letter.utf8.count == 0 {
            let name = String(repeating: letter, count: count / letter.utf8.count)
            if count > 255 {
                #expect(throws: FileError(file: folder.file(name), operation: "write", code: ENAMETOOLONG)) {
                    try AtomicFile.write("1", to: folder.file(name))
                }
            } else {
                for text in ["1", "22"] { try AtomicFile.write(text, to: folder.file(name)) }
                #expect(bytes(ofFile: folder.file(name)) == Array("22".utf8) && folder.names.contains(name))
            }
        }
        #expect(!folder.names.contains { $0.hasSuffix(".tmp") })
    }

    /// A file can be written by a relative path in a folder whose name is not UTF-8.
    @Test func foldersOfAnyNameAreWrittenIn() async {
        await #expect(processExitsWith: .success) {
            let folder = TemporaryFolder()
            let inner = RawPath(folder.path).appending([0x63, 0xE9])
            precondition(inner.withCString { mkdir($0, 0o777) } == 0 && inner.withCString { chdir($0) } == 0)
            for text in ["1", "22"] { try AtomicFile.write(text, to: "a") }
            precondition(bytes(ofFile: "a") == Array("22".utf8))
        }
    }

    @Test func whatAKilledWriterLeftIsTakenOver() throws {
        folder.write([1, 2, 3, 4, 5, 6, 7, 8], ".a.tmp")
        try AtomicFile.write("new", to: folder.file("a"))
        #expect(folder.names == ["a"])
        #expect(bytes(ofFile: folder.file("a")) == Array("new".utf8))
    }

    @Test func manyWritersLeaveOneWholeFile() async throws {
        let path = folder.file("a")
        try await withThrowingTaskGroup { group in
            for writer in 0..<8 {
                group.addTask {
                    for _ in 0..<5 { try AtomicFile.write([UInt8](repeating: UInt8(writer), count: 100_000), to: path) }
                }
            }
            try await group.waitForAll()
        }
        let contents = bytes(ofFile: path)
        #expect(contents.count == 100_000 && Set(contents).count == 1)
        #expect(folder.names == ["a"])
    }

    @Test func refusalsNameFileAndReason() throws {
        #expect(throws: FileError(file: "/nowhere/a", operation: "write", code: ENOENT)) { try AtomicFile.write("", to: "/nowhere/a") }
        #expect(throws: FileError(file: folder.path, operation: "write", code: EISDIR)) { try AtomicFile.write("", to: folder.path) }
        folder.write([], "file")
        #expect(throws: FileError(file: folder.file("file/a"), operation: "write", code: ENOTDIR)) {
            try AtomicFile.write("", to: folder.file("file/a"))
        }
        // A device file is written to, not replaced.
        #expect(throws: FileError(file: "/dev/full", operation: "write", code: ENOSPC)) { try AtomicFile.write("text", to: "/dev/full") }
        try AtomicFile.write("text", to: "/dev/null")
        var status = stat()
        stat("/dev/null", &status)
        #expect(status.st_mode & S_IFMT == S_IFCHR)
        #expect(message { try AtomicFile.write("text", to: "/dev/full") } == "cannot write /dev/full: No space left on device")
    }

    @Test func aFolderWithoutPermissionIsRefused() async {
        await #expect(processExitsWith: .success) {
            let folder = TemporaryFolder()
            try AtomicFile.write("old", to: folder.file("a"))
            chmod(folder.path, 0o555)
            if geteuid() == 0 { precondition(seteuid(65534) == 0) } // root may write anywhere
            let error = message { try AtomicFile.write("new", to: folder.file("a")) }
            precondition(error == "cannot write \(folder.file("a")): Permission denied", error)
            precondition(bytes(ofFile: folder.file("a")) == Array("old".utf8))
            _ = seteuid(getuid())
        }
    }

    /// On a file system of 256 KB if the test may mount one, otherwise with a limit on the file size.
    @Test func aFullDiskLeavesTheOldFile() async {
        await #expect(processExitsWith: .success) {
            let folder = TemporaryFolder()
            // In its own mount namespace, so that no other process sees the mount and it needs no cleanup. Swift's Glibc lacks the call.
            let unshare = unsafeBitCast(dlsym(nil, "unshare"), to: (@convention(c) (CInt) -> CInt).self)
            let (newNamespace, recursive, isPrivate) = (CInt(0x20000), UInt(1 << 14), UInt(1 << 18))
            let isMounted =
                unshare(newNamespace) == 0 && mount("none", "/", nil, recursive | isPrivate, nil) == 0
                && mount("tmpfs", folder.path, "tmpfs", 0, "size=256k") == 0
            if !isMounted {
                signal(SIGXFSZ, SIG_IGN)
                var limit = rlimit(rlim_cur: 256 << 10, rlim_max: 256 << 10)
                precondition(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
            }
            let path = folder.file("net.safetensors")
            try (["x": Tensor.ones([1])] as StateDict).save(to: path)
            let before = bytes(ofFile: path)
            let error = message { try (["x": Tensor.zeros([100_000])] as StateDict).save(to: path) }
            precondition(error == "cannot write \(path): \(isMounted ? "No space left on device" : "File too large")", error)
            precondition(bytes(ofFile: path) == before && folder.names == ["net.safetensors"])
            if isMounted { umount(folder.path) }
        }
    }
}

@Suite struct ChecksumTests {
    /// Values of the xxHash reference (`xxhsum -H64`); the result does not depend on how the bytes are split.
    @Test func isXXH64() {
        func hash(_ text: String) -> UInt64 { Array(text.utf8).withUnsafeBytes { Checksum.of($0) } }
        #expect(hash("") == 0xEF46_DB37_51D8_E999)
        #expect(hash("a") == 0xD24E_C4F1_A98C_6E5B)
        #expect(hash("abc") == 0x44BC_2CF5_AD77_0999)
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        var whole = Checksum()
        bytes.withUnsafeBytes { whole.update($0) }
        for step in [1, 3, 31, 32, 33, 999] {
            var pieces = Checksum()
            bytes.withUnsafeBytes { all in
                for start in stride(from: 0, to: 1000, by: step) {
                    pieces.update(UnsafeRawBufferPointer(rebasing: all[start..<min(start + step, 1000)]))
                }
            }
            #expect(pieces.value == whole.value)
        }
    }

    /// The values of RFC 3720, appendix B.4, and that of the polynomial's usual test.
    @Test func isCRC32C() {
        func checksum(_ bytes: [UInt8]) -> UInt32 { bytes.withUnsafeBytes { CRC32C.of($0) } }
        #expect(checksum([]) == 0)
        #expect(checksum(Array("123456789".utf8)) == 0xE306_9283)
        #expect(checksum([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
        #expect(checksum([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
        #expect(checksum(Array(0..<32)) == 0x46DD_794E)
        #expect(checksum(Array((0..<32).reversed())) == 0x113F_DB5C)
    }
}
