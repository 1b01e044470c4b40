import Foundation
import TestSupport
@testable import ApusCore
@testable import ApusFormats

func base64(_ text: String) -> [UInt8] { [UInt8](Data(base64Encoded: text)!) }

/// A tensor with the elements of `values`, whatever their type.
func make<Element: TensorElement>(_ values: [Element], _ shape: Shape) -> Tensor {
    try! tensor(shape, Element.dtype) { out in values.withUnsafeBytes { out.copyMemory(from: $0) } }
}

func bytes(of tensor: Tensor) -> [UInt8] { try! withHostBytes(of: tensor) { Array($0) } }

func elements<Element: TensorElement>(_ tensor: Tensor, _: Element.Type) -> [Element] {
    precondition(tensor.dtype == Element.dtype)
    return try! withHostBytes(of: tensor) { Array($0.bindMemory(to: Element.self)) }
}

/// Reads every truncation of a valid file, which must throw, and `mutations` damaged copies, which must throw or succeed. The process
/// may take at most 256 MB more memory meanwhile: call it in an exit test.
func fuzz(_ valid: [UInt8], mutations: Int, truncationsThrow: Bool = true, _ read: (String) throws -> Void) {
    let folder = TemporaryFolder()
    try! read(folder.write(valid))
    limitMemory(toMoreBytes: 256 << 20)
    for count in valid.indices {
        let path = folder.write(Array(valid[..<count]))
        let error = message { try read(path) }
        precondition(!truncationsThrow || !error.isEmpty, "\(count) bytes of \(valid.count) were read without an error")
        precondition(error.isEmpty || error.contains(path), "'\(error)' does not name the file")
    }
    var random = SplitMix(state: 1)
    for _ in 0..<mutations {
        var damaged = valid
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let at = Int.random(in: damaged.indices, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0: damaged[at] = UInt8.random(in: 0...255, using: &random)
            case 1: damaged[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 2: damaged[at] = [0, 0x7F, 0x80, 0xFF, 0x30, 0x39, 0x22, 0x7B].randomElement(using: &random)!
            default: damaged.swapAt(at, Int.random(in: damaged.indices, using: &random))
            }
        }
        _ = message { try read(folder.write(damaged)) }
    }
}

/// Limits the address space to `more` bytes above its present size; does nothing under a sanitizer, which needs terabytes of it.
func limitMemory(toMoreBytes more: UInt) {
    if dlsym(nil, "__asan_init") != nil || dlsym(nil, "__tsan_init") != nil { return }
    let pages = try! String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")[0]
    let limit = rlim_t(UInt(pages)! * UInt(sysconf(Int32(_SC_PAGESIZE))) + more)
    var limits = rlimit(rlim_cur: limit, rlim_max: limit)
    precondition(setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limits) == 0)
}
