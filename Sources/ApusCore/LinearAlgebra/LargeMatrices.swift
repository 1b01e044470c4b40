import CDrivers
import CKernels
import Synchronization

/// Decompositions of large matrices by the steps of LAPACK's drivers. The drivers run the steps in sequence on one thread; here the steps
/// that can be split into parts run on all threads. The parts do not depend on the number of threads, and so neither do the bits:
/// `docs/why/large-matrices.md`.
struct LargeMatrices {
    /// The smallest size that benefits.
    static let smallest = 128
    /// The number of columns or rows in a part.
    static let width = 128

    /// The first index and the size of each part of `extent` columns or rows.
    static func parts(_ extent: Int) -> [(first: Int, count: Int)] {
        stride(from: 0, to: extent, by: width).map { ($0, min(width, extent - $0)) }
    }

    private let lapack: apus_lapack_functions
    private let dtype: DType

    init(_ dtype: DType) throws(OpError) {
        lapack = try LAPACK.functions(dtype)
        self.dtype = dtype
    }

    /// Whether the library has the routines that merge two halves, which LAPACK's header does not declare.
    static func joinsHalves(_ lapack: apus_lapack_functions) -> Bool {
        lapack.laed2 != nil && lapack.laed3 != nil && lapack.laed4 != nil && lapack.gemm != nil
    }

    /// Calls `body` for each of `count` matrices: several at once if there are at least as many as threads, else one after the other, each
    /// on all threads. The parts are the same in both cases.
    static func forEach(_ count: Int, _ body: (_ matrix: Int) throws(OpError) -> Void) throws(OpError) {
        guard count > 1, count >= Int(apus_thread_count()) else {
            for i in 0..<count { try body(i) }
            return
        }
        let errors = Mutex<[Int: OpError]>([:])
        try Workspace().forEach(count, .float32) { i, _, _ in
            do throws(OpError) { try body(i) } catch { errors.withLock { $0[i] = error } }
        }
        if let first = errors.withLock({ $0.min { $0.key < $1.key } }) { throw first.value }
    }

    /// Throws if the size of the workspace exceeds LAPACK's 32-bit integers.
    private static func requireCountable(_ size: Double) throws(OpError) {
        guard size < Double(Int32.max) else { throw Workspace.tooLarge }
    }

    // MARK: Symmetric matrices

    /// Writes the eigenvalues of a symmetric matrix `a` [n, n] in ascending order, and eigenvectors over the matrix. Returns whether the
    /// iteration converged.
    func eigen(_ a: UnsafeMutableRawPointer, _ n: Int, upper: Bool, values: UnsafeMutableRawPointer) throws(OpError) -> Bool {
        dtype == .float64 ? try eigen(Double.self, a, n, upper, values) : try eigen(Float.self, a, n, upper, values)
    }

    /// A = Q·T·Qᵀ with tridiagonal T, whose halves are solved in parallel and merged by a rank-1 update (Cuppen, "A divide and conquer
    /// method for the symmetric tridiagonal eigenproblem", 1981).
    private func eigen<Element: BinaryFloatingPoint>(
        _: Element.Type, _ matrix: UnsafeMutableRawPointer, _ n: Int, _ upper: Bool, _ values: UnsafeMutableRawPointer
    ) throws(OpError) -> Bool {
        try Self.requireCountable(1 + 6 * Double(n) + 2 * Double(n) * Double(n))
        let a = matrix.assumingMemoryBound(to: Element.self)
        let scale = Self.brought(a, n * n) { upper ? $0 % n <= $0 / n : $0 % n >= $0 / n }
        let triangle = upper ? "U" : "L"
        var (order, failure, query) = (Int32(n), Int32(0), Int32(-1))
        let asked = try Workspace.asked(dtype) { number, _ in
            lapack.sytrd(triangle, &order, a, &order, number, number, number, number, &query, &failure, 1)
        }.numbers
        // The workspace of each half, and of the merge.
        let (cut, halfNumbers, halfIntegers) = (n / 2, 2 + 4 * n + n * n / 2, 6 + 5 * n)
        let scratch = try Scratch<Element>(2 * n * n + 3 * n + max(asked, 2 * halfNumbers), integers: n + 2 * halfIntegers, dtype)
        defer { scratch.keep() }
        let q = scratch.numbers, vectors = q + n * n, d = vectors + n * n, e = d + n, tau = e + n, work = tau + n
        let places = scratch.integers, integers = places + n
        var size = Int32(asked)
        lapack.sytrd(triangle, &order, a, &order, d, e, tau, work, &size, &failure, 1)

        // LAPACK's tolerances assume numbers of magnitude 1.
        var norm: Element = 0
        for i in 0..<n { norm = max(norm, d[i].magnitude, i < n - 1 ? e[i].magnitude : 0) }
        if norm == 0 { norm = 1 }
        for i in 0..<n { d[i] /= norm }
        for i in 0..<n - 1 { e[i] /= norm }
        let rho = e + cut - 1
        d[cut - 1] -= rho.pointee.magnitude
        d[cut] -= rho.pointee.magnitude
        q.update(repeating: 0, count: n * n)
        try Workspace().forEach(2, dtype) { half, _, _ in
            let (first, count) = half == 0 ? (0, cut) : (cut, n - cut)
            var (own, leading, failure) = (Int32(count), Int32(n), Int32(0))
            var (numberCount, integerCount) = (Int32(halfNumbers), Int32(halfIntegers))
            lapack.stedc(
                "I", &own, d + first, e + first, q + first * n + first, &leading, work + half * halfNumbers, &numberCount,
                integers + half * halfIntegers, &integerCount, &failure, 1)
            places[half] = failure
        }
        guard places[0] == 0 && places[1] == 0 else { return false }
        for i in 0..<n { places[i] = Int32(i < cut ? i + 1 : i - cut + 1) }
        guard try join(n, cut, d, q, places, rho, work, integers, parts: vectors) else { return false }

        let sorted = values.assumingMemoryBound(to: Element.self)
        let ascending = (0..<n).sorted { d[$0] < d[$1] }
        for (i, place) in ascending.enumerated() {
            sorted[i] = d[place] * norm / scale
            (vectors + i * n).update(from: q + place * n, count: n)
        }
        let parts = Self.parts(n)
        func turn(_ first: Int, _ count: Int, _ numbers: UnsafeMutableRawPointer, _ size: Int) {
            var (order, columns, size, failure) = (Int32(n), Int32(count), Int32(size), Int32(0))
            lapack.ormtr(
                "L", triangle, "N", &order, &columns, a, &order, tau, vectors + first * n, &order, numbers, &size, &failure, 1, 1, 1)
        }
        let workspace = try Self.forReflectors(dtype) { turn(0, Self.width, $0, -1) }
        try workspace.forEach(parts.count, dtype) { i, numbers, _ in turn(parts[i].first, parts[i].count, numbers, workspace.numbers) }
        a.update(from: vectors, count: n * n)
        return true
    }

    /// Merges the eigenvalues `d` and the vectors `q` of both halves, each sorted by `places`, into those of the matrix in which `rho`
    /// couples them, in no particular order. Like LAPACK's `laed1`, but the roots and the vectors are computed in parts.
    private func join<Element: BinaryFloatingPoint>(
        _ n: Int, _ cut: Int, _ d: UnsafeMutablePointer<Element>, _ q: UnsafeMutablePointer<Element>, _ places: UnsafeMutablePointer<Int32>,
        _ rho: UnsafeMutablePointer<Element>, _ work: UnsafeMutablePointer<Element>, _ integers: UnsafeMutablePointer<Int32>,
        parts: UnsafeMutablePointer<Element>
    ) throws(OpError) -> Bool {
        var (order, half, count, failure) = (Int32(n), Int32(cut), Int32(0), Int32(0))
        let z = work, poles = z + n, w = poles + n, q2 = w + n
        let order2 = integers, columns = order2 + n, kinds = columns + n, order3 = kinds + n
        for i in 0..<n { z[i] = i < cut ? q[i * n + cut - 1] : q[i * n + cut] }
        lapack.laed2(
            &count, &order, &half, d, q, &order, places, rho, z, poles, w, q2, order2, columns, order3, kinds, &failure)
        guard failure == 0 else { return false }
        let k = Int(count)
        if k == 0 { return true }
        let (first, both, second) = (Int(kinds[0]), Int(kinds[1]), Int(kinds[2]))
        let (upper, lower) = (first + both, both + second)
        let scratch = q2 + upper * cut + lower * (n - cut)
        if k <= 2 {
            lapack.laed3(&count, &order, &half, d, q, &order, rho, poles, q2, columns, kinds, w, scratch, &failure)
        } else {
            // Column j of q receives the distances of root j from the poles.
            let found = try Tensor.uninitialized([k], .int32, .cpu)
            defer { withExtendedLifetime(found) {} }
            let failures = found.hostIntegers
            let columnParts = Self.parts(k)
            try Workspace().forEach(columnParts.count, dtype) { part, _, _ in
                for j in columnParts[part].first..<columnParts[part].first + columnParts[part].count {
                    var (size, root) = (Int32(k), Int32(j + 1))
                    lapack.laed4(&size, &root, poles, w, q + j * n, rho, d + j, failures + j)
                }
            }
            for j in 0..<k where failures[j] != 0 { return false }
            // The coupling for which these roots are exact (Gu, Eisenstat, 1994), with the given signs.
            let exact = scratch
            for i in 0..<k { exact[i] = q[i * n + i] }
            try Workspace().forEach(columnParts.count, dtype) { part, _, _ in
                let rows = columnParts[part].first..<columnParts[part].first + columnParts[part].count
                for j in 0..<k {
                    let column = q + j * n
                    for i in rows where i != j { exact[i] *= column[i] / (poles[i] - poles[j]) }
                }
                for i in rows { exact[i] = Element(signOf: w[i], magnitudeOf: (-exact[i]).squareRoot()) }
            }
            let (one, zero) = (exact + n, exact + n + 1)
            (one.pointee, zero.pointee) = (1, 0)
            try Workspace(numbers: k).forEach(columnParts.count, dtype) { part, numbers, _ in
                let (start, width) = columnParts[part]
                let vector = numbers.assumingMemoryBound(to: Element.self)
                for j in start..<start + width {
                    let column = q + j * n
                    // Summed in float64, since the largest term would absorb many small ones.
                    var squares = 0.0
                    for i in 0..<k {
                        vector[i] = exact[i] / column[i]
                        squares += Double(vector[i]) * Double(vector[i])
                    }
                    let length = Element(squares.squareRoot())
                    for i in 0..<k { column[i] = vector[Int(columns[i]) - 1] / length }
                }
                // The vectors of the halves times those of the coupled problem; the lower half first, since it is not read again.
                let own = q + start * n, copied = parts + start * n
                func product(_ rows: Int, from row: Int, _ inner: Int, _ matrix: UnsafeMutablePointer<Element>, to out: Int) {
                    for j in 0..<width { (copied + j * inner).update(from: own + j * n + row, count: inner) }
                    if inner == 0 {
                        for j in 0..<width { (own + j * n + out).update(repeating: 0, count: rows) }
                        return
                    }
                    var (height, columns, depth, leading) = (Int32(rows), Int32(width), Int32(inner), Int32(n))
                    lapack.gemm("N", "N", &height, &columns, &depth, one, matrix, &height, copied, &depth, zero, own + out, &leading, 1, 1)
                }
                product(n - cut, from: first, lower, q2 + cut * upper, to: cut)
                product(cut, from: 0, upper, q2, to: 0)
            }
        }
        return failure == 0
    }

    // MARK: Singular values

    /// Whether `singular` should be used for matrices [m, n]: if there are many more rows than columns or vice versa, other methods are
    /// faster.
    static func isLarge(_ m: Int, _ n: Int) -> Bool { min(m, n) >= smallest && max(m, n) * 6 < min(m, n) * 11 }

    /// Writes the singular values of a matrix [m, n] in descending order, U [m, its columns] and Vᵀ [its rows, n], and destroys the matrix.
    /// Returns whether the iteration converged.
    func singular(
        _ a: UnsafeMutableRawPointer, _ m: Int, _ n: Int, values: UnsafeMutableRawPointer,
        u: (memory: UnsafeMutableRawPointer, columns: Int),
        vh: (memory: UnsafeMutableRawPointer, rows: Int)
    ) throws(OpError) -> Bool {
        dtype == .float64 ? try singular(Double.self, a, m, n, values, u, vh) : try singular(Float.self, a, m, n, values, u, vh)
    }

    /// A = Q·B·Pᵀ with bidiagonal B.
    private func singular<Element: BinaryFloatingPoint>(
        _: Element.Type, _ matrix: UnsafeMutableRawPointer, _ m: Int, _ n: Int, _ values: UnsafeMutableRawPointer,
        _ u: (memory: UnsafeMutableRawPointer, columns: Int), _ vh: (memory: UnsafeMutableRawPointer, rows: Int)
    ) throws(OpError) -> Bool {
        let a = matrix.assumingMemoryBound(to: Element.self), s = values.assumingMemoryBound(to: Element.self)
        let (left, right) = (u.memory.assumingMemoryBound(to: Element.self), vh.memory.assumingMemoryBound(to: Element.self))
        let k = min(m, n)
        try Self.requireCountable(3 * Double(k) * Double(k) + 4 * Double(k))
        let scale = Self.brought(a, m * n) { _ in true }
        var (rows, columns, few, failure, query) = (Int32(m), Int32(n), Int32(k), Int32(0), Int32(-1))
        let asked = try Workspace.asked(dtype) { number, _ in
            lapack.gebrd(&rows, &columns, a, &rows, number, number, number, number, number, &query, &failure)
        }.numbers
        let scratch = try Scratch<Element>(3 * k + max(asked, 3 * k * k + 4 * k), integers: 8 * k, dtype)
        defer { scratch.keep() }
        let e = scratch.numbers, tauq = e + k, taup = tauq + k, work = taup + k
        var size = Int32(asked)
        lapack.gebrd(&rows, &columns, a, &rows, s, e, tauq, taup, work, &size, &failure)

        // Beyond the first k columns of U and rows of Vᵀ, they start as the identity.
        left.update(repeating: 0, count: m * u.columns)
        right.update(repeating: 0, count: vh.rows * n)
        for i in k..<max(u.columns, k) { left[i * m + i] = 1 }
        for i in k..<max(vh.rows, k) { right[i * vh.rows + i] = 1 }
        var (ownOfU, ownOfVh) = (Int32(m), Int32(vh.rows))
        lapack.bdsdc(
            m >= n ? "U" : "L", "I", &few, s, e, left, &ownOfU, right, &ownOfVh, work, scratch.integers, work, scratch.integers, &failure,
            1, 1)
        guard failure == 0 else { return false }
        if scale != 1 { for i in 0..<k { s[i] /= scale } }

        func turnLeft(_ first: Int, _ count: Int, _ numbers: UnsafeMutableRawPointer, _ size: Int) {
            var (rows, columns, reflectors, size, failure) = (Int32(m), Int32(count), Int32(n), Int32(size), Int32(0))
            lapack.ormbr(
                "Q", "L", "N", &rows, &columns, &reflectors, a, &rows, tauq, left + first * m, &rows, numbers, &size, &failure, 1, 1, 1)
        }
        func turnRight(_ first: Int, _ count: Int, _ numbers: UnsafeMutableRawPointer, _ size: Int) {
            var (rows, columns, reflectors, size, failure) = (Int32(count), Int32(n), Int32(m), Int32(size), Int32(0))
            var (leading, leadingOfVh) = (Int32(m), Int32(vh.rows))
            lapack.ormbr(
                "P", "R", "T", &rows, &columns, &reflectors, a, &leading, taup, right + first, &leadingOfVh, numbers, &size, &failure, 1, 1,
                1)
        }
        let (lefts, rights) = (Self.parts(u.columns), Self.parts(vh.rows))
        let workspace = try Self.forReflectors(dtype) { turnLeft(0, Self.width, $0, -1) }
        try workspace.forEach(lefts.count + rights.count, dtype) { i, numbers, _ in
            if i < lefts.count {
                turnLeft(lefts[i].first, lefts[i].count, numbers, workspace.numbers)
            } else {
                turnRight(rights[i - lefts.count].first, rights[i - lefts.count].count, numbers, workspace.numbers)
            }
        }
        return true
    }

    // MARK: Memory and magnitudes

    /// The workspace that `query` asks for, plus that for a block of reflectors, which LAPACK's query omits. Without it LAPACK applies
    /// reflectors one by one and modifies their memory meanwhile, which the parts share.
    private static func forReflectors(_ dtype: DType, _ query: (UnsafeMutableRawPointer) -> Void) throws(OpError) -> Workspace {
        Workspace(numbers: try Workspace.asked(dtype) { number, _ in query(number) }.numbers + 64 * 65)
    }

    /// Memory for one matrix.
    private struct Scratch<Element> {
        let numbers: UnsafeMutablePointer<Element>
        let integers: UnsafeMutablePointer<Int32>
        private let memory: [Tensor]

        init(_ numbers: Int, integers: Int, _ dtype: DType) throws(OpError) {
            let (first, second) = (try Tensor.uninitialized([numbers], dtype, .cpu), try Tensor.uninitialized([integers], .int32, .cpu))
            memory = [first, second]
            self.numbers = first.pointer.assumingMemoryBound(to: Element.self)
            self.integers = second.hostIntegers
        }

        /// Keeps the memory alive until this call, past what Swift considers its last use.
        func keep() { withExtendedLifetime(memory) {} }
    }

    /// Multiplies the elements by a power of 2 such that the largest of those that are read is about 1, if squares would overflow or
    /// underflow otherwise. Returns the factor.
    private static func brought<Element: BinaryFloatingPoint>(
        _ a: UnsafeMutablePointer<Element>, _ count: Int, reads: (Int) -> Bool
    ) -> Element {
        var largest: Element = 0
        for i in 0..<count where a[i].magnitude > largest && reads(i) { largest = a[i].magnitude }
        let limit = (Element.leastNormalMagnitude / Element.ulpOfOne).squareRoot() / Element.ulpOfOne
        if largest == 0 || (limit...1 / limit).contains(largest) { return 1 }
        let furthest = Element.greatestFiniteMagnitude.exponent - 7
        let scale = Element(sign: .plus, exponent: -max(min(largest.exponent, furthest), -furthest), significand: 1)
        for i in 0..<count { a[i] *= scale }
        return scale
    }
}
