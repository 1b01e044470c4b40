import ApusSystem
import Foundation

/// A file of the checkout; `path` is relative to the folder of the calling source file. If the environment variable `APUS_TEST_CHECKOUT` is
/// set, the checkout is taken from there, for tests that run on another machine than they were built on (`scripts/check/gpu-drill`).
package func inCheckout(_ path: String, beside source: String = #filePath) -> URL {
    let folder = URL(fileURLWithPath: source).deletingLastPathComponent()
    guard let other = environment("APUS_TEST_CHECKOUT") else { return folder.appendingPathComponent(path) }
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
    return URL(fileURLWithPath: other + folder.path.dropFirst(root.count)).appendingPathComponent(path)
}
