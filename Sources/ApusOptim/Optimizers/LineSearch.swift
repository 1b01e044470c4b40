import ApusCore

/// A point on the line that `LBFGS` searches: position, loss, gradient, and slope along the line.
struct LinePoint {
    var position: Double
    var loss: Double
    var gradient: Tensor
    var slope: Double

    /// A point where the loss or the slope is infinite or NaN has no information about where to go.
    var isFinite: Bool { loss.isFinite && slope.isFinite }
}

/// A point that satisfies the strong Wolfe conditions, loss ≤ f + c₁·t·slope and |slope′| ≤ c₂·|slope|, or else the best one found after
/// `limit` rounds (Nocedal and Wright, Numerical Optimization, algorithms 3.5 and 3.6).
///
/// First the length grows until a bracket contains such a point; then cubic interpolation narrows the bracket. `size` is the largest
/// element of the direction: the search ends when the bracket moves no element by `tolerance`. A point that is not finite counts as
/// too high, and a bracket that it ends is halved. `start` is finite, and so is the returned point.
func strongWolfe(
    from start: LinePoint, length: Double, size: Double, tolerance: Double, limit: Int, evaluate: (Double) throws -> LinePoint
) rethrows -> (point: LinePoint, evaluations: Int) {
    let (c1, c2) = (1e-4, 0.9)
    func isTooHigh(_ point: LinePoint) -> Bool { !point.isFinite || point.loss > start.loss + c1 * point.position * start.slope }
    func isFlat(_ point: LinePoint) -> Bool { abs(point.slope) <= -c2 * start.slope }

    var previous = start
    var current = try evaluate(length)
    var evaluations = 1
    var rounds = 0
    var bracket: (LinePoint, LinePoint)?
    while rounds < limit {
        if isTooHigh(current) || (rounds > 1 && current.loss >= previous.loss) || current.slope >= 0 && !isFlat(current) {
            bracket = (previous, current)
            break
        }
        if isFlat(current) { return (current, evaluations) }
        let (low, high) = (current.position + 0.01 * (current.position - previous.position), current.position * 10)
        let next = cubicMinimum(previous, current, within: low...max(high, low))
        previous = current
        current = try evaluate(next)
        evaluations += 1
        rounds += 1
    }
    var (a, b) = bracket ?? (start, current)
    // `low` is the end with the smaller loss.
    var (low, high) = !b.isFinite || a.loss <= b.loss ? (a, b) : (b, a)
    var wasStuck = false
    while rounds < limit {
        (a, b) = low.position < high.position ? (low, high) : (high, low)
        let width = b.position - a.position
        if width * size < tolerance { break }
        var position = cubicMinimum(a, b, within: a.position...b.position)
        // A point too near to an end for the second time, or outside, moves to a tenth of the width inside.
        let margin = 0.1 * width
        if min(b.position - position, position - a.position) < margin {
            if wasStuck || position >= b.position || position <= a.position {
                position = abs(position - b.position) < abs(position - a.position) ? b.position - margin : a.position + margin
                wasStuck = false
            } else {
                wasStuck = true
            }
        } else {
            wasStuck = false
        }
        let point = try evaluate(position)
        evaluations += 1
        rounds += 1
        if isTooHigh(point) || point.loss >= low.loss {
            high = point
            if high.isFinite && high.loss < low.loss { swap(&low, &high) }
        } else {
            if isFlat(point) { return (point, evaluations) }
            if point.slope * (high.position - low.position) >= 0 { high = low }
            low = point
        }
    }
    return (low, evaluations)
}

/// The minimum of the cubic through two points with their slopes, clamped to `bounds`; the middle of `bounds` where there is none.
private func cubicMinimum(_ a: LinePoint, _ b: LinePoint, within bounds: ClosedRange<Double>) -> Double {
    let middle = (bounds.lowerBound + bounds.upperBound) / 2
    guard a.isFinite && b.isFinite else { return middle }
    let d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.position - b.position)
    let square = d1 * d1 - a.slope * b.slope
    guard square >= 0 else { return middle }
    let d2 = square.squareRoot()
    let minimum =
        a.position <= b.position
        ? b.position - (b.position - a.position) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
        : a.position - (a.position - b.position) * ((a.slope + d2 - d1) / (a.slope - b.slope + 2 * d2))
    return minimum.isNaN ? middle : min(max(minimum, bounds.lowerBound), bounds.upperBound)
}
