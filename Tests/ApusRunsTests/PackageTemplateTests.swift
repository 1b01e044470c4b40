import ApusRuns
import ApusSystem
import TestSupport
import Testing

/// `apus new` writes a package; that it builds, runs and passes its tests is shown by `scripts/check/new`.
@Suite struct PackageTemplateTests {
    @Test func writesAllFilesIntoAFolderOfItsOwn() throws {
        try withFolder { folder in
            let template = try PackageTemplate(name: "MyNetwork", source: .path(try #require(PackageTemplate.checkout)))
            try template.write(to: "\(folder)/deep/MyNetwork")
            for (path, text) in template.files {
                #expect(bytes(ofFile: "\(folder)/deep/MyNetwork/\(path)") == Array(text.utf8), "\(path)")
                #expect(!text.contains("NAME"), "\(path)")
            }
            #expect(template.files.contains { $0.path == "Sources/MyNetwork/Training.swift" })
        }
    }

    @Test func namesThatAreNoModulesAreRefused() throws {
        for name in ["", "my-net", "1net", "_net", "Net é", "Net.swift", "../Net", "Foundation", "Apus", "ApusNN", "Network"] {
            #expect(throws: PackageError.self, "\(name)") { try PackageTemplate(name: name, source: .url("https://example.org/apus.git")) }
        }
        for name in ["Net", "net", "N1_2"] { _ = try PackageTemplate(name: name, source: .url("https://example.org/apus.git")) }
    }

    @Test func aFolderThatIsNotEmptyIsLeftAsItIs() throws {
        try withFolder { folder in
            try AtomicFile.write("mine", to: "\(folder)/Package.swift")
            let template = try PackageTemplate(name: "Net", source: .url("https://example.org/apus.git"))
            #expect(throws: PackageError.self) { try template.write(to: "\(folder)") }
            #expect(try Folder.names(in: "\(folder)") == ["Package.swift"])
        }
    }

    @Test func aRepositoryIsADependencyByItsBranchAndLastName() throws {
        let template = try PackageTemplate(name: "Net", source: .url(#"https://example.org/my"apus.git"#))
        let manifest = try #require(template.files.first { $0.path == "Package.swift" }).text
        #expect(manifest.contains(#".package(url: "https://example.org/my\"apus.git", branch: "main")"#))
        #expect(manifest.contains(#"package: "my\"apus")"#))
    }

    @Test func aCheckoutMustBeThere() {
        #expect(throws: PackageError.self) { try PackageTemplate(name: "Net", source: .path("/nowhere")) }
    }
}
