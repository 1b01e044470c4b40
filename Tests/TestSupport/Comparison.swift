import ApusCore
import Testing

/// The elements as `Double`, in row-major order; the tensor's own backend only copies them to the host, if they are not there.
package func values(_ x: Tensor) -> [Double] {
    withConverted(x, to: .float64) { Array(UnsafeBufferPointer(start: $0.assumingMemoryBound(to: Double.self), count: x.numel)) }
}

/// The elements as `Int64`, in row-major order; exact for every integer type.
package func integers(_ x: Tensor) -> [Int64] {
    withConverted(x, to: .int64) { Array(UnsafeBufferPointer(start: $0.assumingMemoryBound(to: Int64.self), count: x.numel)) }
}

private func withConverted<Result>(_ x: Tensor, to dtype: DType, _ body: (UnsafeMutableRawPointer) -> Result) -> Result {
    let x = moved(x, to: x.device.sharesHostMemory ? x.device : .reference)
    guard let out = try? Tensor.uninitialized(x.shape, dtype, .reference) else { preconditionFailure("no memory for a copy of \(x.shape)") }
    ReferenceBackend.shared.copy(x, into: out)
    return withExtendedLifetime(out) { body(out.pointer) }
}

/// Expects equal shapes, equal dtypes, and |actual − expected| ≤ atol + rtol·|expected| for each pair of elements. NaN equals NaN, and an
/// infinity equals only itself. Integers and bool must be equal. The message names the first pair that differs.
///
/// By default both tolerances are 16 epsilon of the dtype (of the coarser one if they differ).
/// `checkDType: false` compares values across dtypes.
package func expectClose(
    _ actual: Tensor, _ expected: Tensor, rtol: Double? = nil, atol: Double? = nil, checkDType: Bool = true,
    _ what: @autoclosure () -> String = "",
    sourceLocation: SourceLocation = #_sourceLocation
) {
    let unit = max(actual.dtype.epsilon, expected.dtype.epsilon)
    guard let complaint = difference(actual, expected, rtol: rtol ?? 16 * unit, atol: atol ?? 16 * unit, checkDType: checkDType) else {
        return
    }
    let what = what()
    Issue.record(Comment(rawValue: what.isEmpty ? complaint : "\(what): \(complaint)"), sourceLocation: sourceLocation)
}

/// The same for numbers in row-major order.
package func expectClose(
    _ actual: Tensor, _ expected: [Double], rtol: Double? = nil, atol: Double? = nil, _ what: @autoclosure () -> String = "",
    sourceLocation: SourceLocation = #_sourceLocation
) {
    let unit = actual.dtype.epsilon
    let found = values(actual)
    guard let complaint = difference(found, expected, actual.shape, rtol: rtol ?? 16 * unit, atol: atol ?? 16 * unit) else { return }
    let what = what()
    Issue.record(Comment(rawValue: what.isEmpty ? complaint : "\(what): \(complaint)"), sourceLocation: sourceLocation)
}

/// Expects the same shape, dtype and elements, bit for bit (NaN equals NaN).
package func expectEqual(
    _ actual: Tensor, _ expected: Tensor, _ what: @autoclosure () -> String = "", sourceLocation: SourceLocation = #_sourceLocation
) {
    expectClose(actual, expected, rtol: 0, atol: 0, what(), sourceLocation: sourceLocation)
}

/// The first difference, as `expectClose` reports it; nil if there is none.
package func difference(_ actual: Tensor, _ expected: Tensor, rtol: Double, atol: Double, checkDType: Bool = true) -> String? {
    if actual.isPoisoned || expected.isPoisoned { return "\(actual.isPoisoned ? "the result" : "what was expected") is poisoned" }
    if actual.shape != expected.shape { return "shape \(actual.shape), expected \(expected.shape)" }
    if checkDType && actual.dtype != expected.dtype { return "dtype \(actual.dtype), expected \(expected.dtype)" }
    if actual.dtype.isFloatingPoint || expected.dtype.isFloatingPoint {
        return difference(values(actual), values(expected), actual.shape, rtol: rtol, atol: atol)
    }
    let (found, wanted) = (integers(actual), integers(expected))
    guard let first = found.indices.first(where: { found[$0] != wanted[$0] }) else { return nil }
    let count = found.indices.count { found[$0] != wanted[$0] }
    return "at \(place(first, actual.shape)) \(found[first]), expected \(wanted[first]); \(count) of \(found.count) elements differ"
}

package func difference(_ found: [Double], _ wanted: [Double], _ shape: Shape, rtol: Double, atol: Double) -> String? {
    if found.count != wanted.count { return "\(found.count) elements, expected \(wanted.count)" }
    func differs(_ i: Int) -> Bool {
        let (a, b) = (found[i], wanted[i])
        if a == b || a.isNaN && b.isNaN { return false }
        // No tolerance covers an infinite or NaN difference.
        return !((a - b).magnitude <= atol + rtol * b.magnitude) || !a.isFinite || !b.isFinite
    }
    guard let first = found.indices.first(where: differs) else { return nil }
    let count = found.indices.count(where: differs)
    let worst = found.indices.filter(differs).map { (found[$0] - wanted[$0]).magnitude }.max() ?? 0
    return "at \(place(first, shape)) \(found[first]), expected \(wanted[first]) (difference \((found[first] - wanted[first]).magnitude), "
        + "allowed \(atol + rtol * wanted[first].magnitude)); \(count) of \(found.count) elements differ, by up to \(worst)"
}

/// The coordinates of the element with this row-major index.
private func place(_ index: Int, _ shape: Shape) -> [Int] {
    var rest = index
    var result = Array(shape)
    for dim in shape.indices.reversed() {
        result[dim] = rest % shape[dim]
        rest /= shape[dim]
    }
    return result
}
