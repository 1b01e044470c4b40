import Synchronization

/// How tensors are printed. PyTorch: `torch.set_printoptions`, whose profiles are `default`, `short` and `full`.
///
///     PrintOptions.current.precision = 2
///     PrintOptions.current = .full
public struct PrintOptions: Sendable, Hashable {
    /// Digits after the decimal point of floats.
    public var precision: Int
    /// Tensors with more elements are printed without the middle of their long dimensions.
    public var threshold: Int
    /// How many elements are printed at each end of a dimension whose middle is left out.
    public var edgeitems: Int
    /// The number of characters after which a line is broken.
    public var linewidth: Int
    /// Whether floats have an exponent; by default if the largest is more than 1,000 times the smallest, above 10⁸ or below 10⁻⁴ in
    /// magnitude. A tensor without finite nonzero elements has none.
    public var sciMode: Bool?

    /// The options of PyTorch's profile `default`, except for those that are given.
    public init(precision: Int = 4, threshold: Int = 1000, edgeitems: Int = 3, linewidth: Int = 80, sciMode: Bool? = nil) {
        self.precision = precision
        self.threshold = threshold
        self.edgeitems = edgeitems
        self.linewidth = linewidth
        self.sciMode = sciMode
    }

    /// Four digits, three elements at each end of dimensions if there are more than 1,000 elements, lines of 80 characters.
    public static let `default` = PrintOptions()
    /// Two digits, and two elements at each end of dimensions if there are more than 1,000 elements.
    public static let short = PrintOptions(precision: 2, edgeitems: 2)
    /// All elements of every tensor.
    public static let full = PrintOptions(threshold: .max)

    /// The options for printing tensors: those of `withPrintOptions`, else the process-wide ones; ``default`` unless they are set. Traps if
    /// an option is set to a negative number, or precision to more than 1,000.
    public static var current: PrintOptions {
        get { Context.current.printOptions ?? processWide.withLock { $0 } }
        set {
            guard newValue.areValid("PrintOptions") else { return }
            if Context.current.printOptions != nil {
                Context.current.printOptions = newValue
            } else {
                processWide.withLock { $0 = newValue }
            }
        }
    }

    private static let processWide = Mutex(PrintOptions())

    /// Whether the options are valid; fails if not.
    fileprivate func areValid(_ op: String) -> Bool {
        for (name, number) in [("precision", precision), ("threshold", threshold), ("edgeitems", edgeitems), ("linewidth", linewidth)]
        where number < 0 {
            fail(op, "\(name) must not be negative, it is \(number)")
            return false
        }
        guard precision <= 1000 else {
            fail(op, "no number has \(precision) digits behind the point; precision is at most 1000")
            return false
        }
        return true
    }
}

/// Runs `body`, in which tensors are printed with `options` on this thread. Traps for options that `PrintOptions.current` does not accept.
@discardableResult public func withPrintOptions<Result>(_ options: PrintOptions, _ body: () throws -> Result) rethrows -> Result {
    let context = Context.current
    let outer = context.printOptions
    if options.areValid("withPrintOptions") { context.printOptions = options }
    defer { context.printOptions = outer }
    return try body()
}
