import Synchronization

/// The extents of a tensor, one per dimension; also used for strides.
///
/// Up to six extents are stored in the value itself, so that shapes need no allocation. Negative positions count from the end, as in
/// PyTorch: `x.shape[-1]`.
///
/// The shape of a poisoned tensor (see ``checked(_:)``) has no dimensions, but every position reads 1, so that code running on after an
/// error does not crash.
// Trivially copyable, so that copies count no references. Unchecked because of the pointer, whose target is never changed or freed.
public struct Shape: BitwiseCopyable, @unchecked Sendable {
    @usableFromInline var rank: Int32
    @usableFromInline let isPoisoned: Bool
    @usableFromInline var d0 = 0, d1 = 0, d2 = 0, d3 = 0, d4 = 0, d5 = 0
    /// Extents from the seventh on.
    @usableFromInline var more: UnsafePointer<Int>?

    @usableFromInline static let inlineCapacity = 6

    /// The shape of a scalar: no dimensions, one element.
    @inlinable public init() {
        rank = 0
        isPoisoned = false
    }

    /// `extents` as a shape.
    @inlinable public init<Extents: Sequence<Int>>(_ extents: Extents) {
        // Types are compared first: if this is not specialised, a cast looks up conformances, which takes a microsecond.
        if Extents.self == Shape.self, let shape = extents as? Shape {
            self = shape
            return
        }
        self.init()
        for extent in extents { append(extent) }
    }

    /// `extent` repeated `count` times.
    @inlinable public init(repeating extent: Int, count: Int) {
        self.init()
        for _ in 0..<count { append(extent) }
    }

    init(poisoned: Void) {
        rank = 0
        isPoisoned = true
    }

    static let poisoned = Shape(poisoned: ())

    /// Adds a dimension at the end.
    @inlinable public mutating func append(_ extent: Int) {
        let at = Int(rank)
        rank += 1
        if at < Shape.inlineCapacity {
            unsafeSet(at, extent)
        } else {
            setMore((0..<at - Shape.inlineCapacity).map { more![$0] } + [extent])
        }
    }

    @inlinable func unsafeGet(_ i: Int) -> Int {
        switch i {
        case 0: d0
        case 1: d1
        case 2: d2
        case 3: d3
        case 4: d4
        case 5: d5
        default: more![i - Shape.inlineCapacity]
        }
    }

    @inlinable mutating func unsafeSet(_ i: Int, _ value: Int) {
        switch i {
        case 0: d0 = value
        case 1: d1 = value
        case 2: d2 = value
        case 3: d3 = value
        case 4: d4 = value
        case 5: d5 = value
        default:
            var extents = (Shape.inlineCapacity..<Int(rank)).map(unsafeGet)
            extents[i - Shape.inlineCapacity] = value
            setMore(extents)
        }
    }

    @usableFromInline @inline(never) mutating func setMore(_ extents: [Int]) { more = Tails.pointer(to: extents) }

    /// The number of elements of a tensor with this shape: the product of the extents, 1 for a scalar. `Int.max` if it overflows.
    @inlinable public var numel: Int {
        var product = 1
        for i in 0..<Int(rank) {
            let (next, overflow) = product.multipliedReportingOverflow(by: unsafeGet(i))
            if overflow { return contains(0) ? 0 : Int.max }
            product = next
        }
        return product
    }

    /// Inserts a dimension before `position`, which is at most the number of dimensions; traps otherwise. Does nothing for the shape of a
    /// poisoned tensor.
    public mutating func insert(_ extent: Int, at position: Int) {
        if isPoisoned { return }
        guard position >= 0 && position <= Int(rank) else { return _ = outOfRange(position) }
        var all = Array(self)
        all.insert(extent, at: position)
        self = Shape(all)
    }

    /// Removes the dimension at `position` and returns its extent. Traps if there is no such dimension.
    @discardableResult public mutating func remove(at position: Int) -> Int {
        if isPoisoned { return 1 }
        guard position >= 0 && position < Int(rank) else { return outOfRange(position) }
        var all = Array(self)
        let old = all.remove(at: position)
        self = Shape(all)
        return old
    }

    /// Fails for a position out of range; inside `checked` returns an extent of 1.
    @usableFromInline @inline(never) func outOfRange(_ position: Int) -> Int {
        fail("shape", "dim \(position) is out of range for the shape \(self) with \(rank) dimensions")
        return 1
    }

    /// The strides of a contiguous tensor with this shape, in elements; the last dimension has stride 1.
    @inlinable public var contiguousStrides: Shape {
        var strides = self
        var step = 1
        var i = Int(rank) - 1
        while i >= 0 {
            strides.unsafeSet(i, step)
            step *= Swift.max(unsafeGet(i), 1)
            i -= 1
        }
        return strides
    }
}

/// Extents from the seventh on. Each list is stored once per process and never freed, since few programs need any.
private enum Tails {
    private struct Row: @unchecked Sendable {
        // Filled before anything else can see it, and never freed.
        let base: UnsafePointer<Int>
    }

    private static let rows = Mutex<[[Int]: Row]>([:])

    static func pointer(to extents: [Int]) -> UnsafePointer<Int> {
        rows.withLock { rows in
            if let known = rows[extents] { return known }
            let base = UnsafeMutablePointer<Int>.allocate(capacity: extents.count)
            base.initialize(from: extents, count: extents.count)
            rows[extents] = Row(base: UnsafePointer(base))
            return rows[extents]!
        }.base
    }
}

extension Shape: RandomAccessCollection, MutableCollection {
    @inlinable public var startIndex: Int { 0 }
    @inlinable public var endIndex: Int { Int(rank) }

    /// Not checked, like an array's: a slice of a poisoned shape, to which extents cannot be added, still counts those that were.
    @inlinable public func index(_ i: Int, offsetBy distance: Int) -> Int { i + distance }
    @inlinable public func distance(from start: Int, to end: Int) -> Int { end - start }
    @inlinable public func index(after i: Int) -> Int { i + 1 }
    @inlinable public func index(before i: Int) -> Int { i - 1 }

    /// The extent of dimension `i`; negative positions count from the end. Traps if there is no such dimension; inside `checked` it then
    /// reads 1.
    @inlinable public subscript(i: Int) -> Int {
        get {
            if isPoisoned { return 1 }
            let at = i < 0 ? i + Int(rank) : i
            guard at >= 0 && at < Int(rank) else { return outOfRange(i) }
            return unsafeGet(at)
        }
        set {
            if isPoisoned { return }
            let at = i < 0 ? i + Int(rank) : i
            guard at >= 0 && at < Int(rank) else { return _ = outOfRange(i) }
            unsafeSet(at, newValue)
        }
    }
}

/// Shapes are concatenated and sliced like arrays: `x.shape + [3]`, `x.shape.removeLast()`. A slice such as `x.shape[1...]` is accepted
/// wherever a shape is.
extension Shape: RangeReplaceableCollection {
    /// Replaces the extents of dimensions `range` by `extents`. Does nothing for the shape of a poisoned tensor.
    public mutating func replaceSubrange(_ range: Range<Int>, with extents: some Collection<Int>) {
        if isPoisoned { return }
        var all = Array(self)
        all.replaceSubrange(range, with: extents)
        self = Shape(all)
    }
}

extension Shape: Equatable, Hashable {
    @inlinable public static func == (a: Shape, b: Shape) -> Bool {
        // Extents beyond the rank are 0. Lists of further extents are interned, so equal ones have the same address.
        let first = (a.d0 ^ b.d0) | (a.d1 ^ b.d1) | (a.d2 ^ b.d2)
        let second = (a.d3 ^ b.d3) | (a.d4 ^ b.d4) | (a.d5 ^ b.d5)
        return a.rank == b.rank && first | second == 0 && a.more == b.more
    }

    public func hash(into hasher: inout Hasher) {
        for extent in self { hasher.combine(extent) }
    }

    /// Whether the extents equal `b`.
    public static func == (a: Shape, b: [Int]) -> Bool { a == Shape(b) }
}

extension Shape: ExpressibleByArrayLiteral, CustomStringConvertible {
    @inlinable public init(arrayLiteral extents: Int...) { self.init(extents) }

    /// The format in which PyTorch prints sizes: `[2, 3]`.
    public var description: String { isPoisoned ? "[poisoned]" : "[" + map(String.init).joined(separator: ", ") + "]" }
}

extension Shape {
    /// The shape that `a` and `b` broadcast to, nil if they do not: from the last dimension on, extents must be equal or one of them 1.
    @inlinable package static func broadcast(_ a: Shape, _ b: Shape) -> Shape? {
        if a == b { return a }
        let (ra, rb) = (a.count, b.count)
        let rank = Swift.max(ra, rb)
        var result = ra >= rb ? a : b
        for i in 0..<rank {
            let ea = i < rank - ra ? 1 : a.unsafeGet(i - (rank - ra))
            let eb = i < rank - rb ? 1 : b.unsafeGet(i - (rank - rb))
            guard ea == eb || ea == 1 || eb == 1 else { return nil }
            result.unsafeSet(i, ea == 1 ? eb : ea)
        }
        return result
    }

    /// The shape that all of `shapes` broadcast to.
    static func broadcast(_ shapes: [Shape]) throws(OpError) -> Shape {
        var result = Shape()
        for shape in shapes {
            guard let spread = broadcast(result, shape) else {
                throw OpError("shapes \(shapes.map { "\($0)" }.joined(separator: ", ")) do not broadcast")
            }
            result = spread
        }
        return result
    }
}
