import ApusSystem
import Foundation

/// A file of the checkout: `path` from the folder of the source that asks. Tests that run elsewhere than they were built find it under the folder
/// that `APUS_TEST_CHECKOUT` names (`scripts/gpu-drill` packs such a one).
package func inCheckout(_ path: String, beside source: String = #filePath) -> URL {
    let folder = URL(fileURLWithPath: source).deletingLastPathComponent()
    guard let other = environment("APUS_TEST_CHECKOUT") else { return folder.appendingPathComponent(path) }
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
    return URL(fileURLWithPath: other + folder.path.dropFirst(root.count)).appendingPathComponent(path)
}
