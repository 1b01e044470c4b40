// What libFuzzer calls: `scripts/check/fuzz` compiles it with the readers.
import Glibc

/// Which reader: the environment says it, so that one program serves all.
private let reader: FuzzReader = {
    guard let name = getenv("APUS_FUZZ_READER"), let reader = FuzzReader(rawValue: String(cString: name)) else {
        fatalError("APUS_FUZZ_READER is one of \(FuzzReader.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return reader
}()

@_cdecl("LLVMFuzzerTestOneInput") public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    reader.read(UnsafeRawBufferPointer(start: bytes, count: count))
    return 0
}

@_silgen_name("LLVMFuzzerMutate") private func mutate(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int, _ most: Int) -> Int

/// Mutates, and mostly mends the checksums that would else keep most mutations from what lies behind them.
@_cdecl("LLVMFuzzerCustomMutator") public func customMutator(
    _ bytes: UnsafeMutablePointer<UInt8>, _ count: Int, _ most: Int, _ seed: CUnsignedInt
) -> Int {
    let made = mutate(bytes, count, most)
    if seed % 8 != 0 { reader.mendChecksums(UnsafeMutableRawBufferPointer(start: bytes, count: made)) }
    return made
}
