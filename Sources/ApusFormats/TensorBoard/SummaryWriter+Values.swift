import ApusCore
import ApusSystem

/// A number of a summary: a Swift number, or a tensor with one element.
public protocol SummaryScalar {
    /// The number. Throws if a tensor does not have exactly one element or cannot be read.
    func _summaryNumber() throws -> Double
}

extension Double: SummaryScalar { public func _summaryNumber() -> Double { self } }
extension Float: SummaryScalar { public func _summaryNumber() -> Double { Double(self) } }
extension Int: SummaryScalar { public func _summaryNumber() -> Double { Double(self) } }

extension Tensor: SummaryScalar {
    public func _summaryNumber() throws -> Double {
        guard numel == 1 else {
            throw OpError("a tensor of shape \(shape), where one number is wanted; take its mean(), say", op: "SummaryWriter")
        }
        return try summaryNumbers()[0]
    }

    /// All elements in row-major order.
    fileprivate func summaryNumbers() throws -> [Double] {
        try withHostBytes(of: hostData().converted(to: .float64)) { Array($0.bindMemory(to: Double.self)) }
    }
}

// Steps are accepted with and without label, since most PyTorch programs write `add_scalar("loss", loss, step)`.
extension SummaryWriter {
    /// Adds a point to the curve `tag`. NaN and infinities are written as they are; TensorBoard marks them with symbols.
    ///
    /// - Parameters:
    ///   - globalStep: the step of the point; 0 if nil.
    ///   - walltime: the time of the event in seconds since 1970; now if nil.
    ///   - newStyle: whether to write a tensor, like TensorFlow 2, instead of a plain number.
    ///   - doublePrecision: whether to write a float64 instead of a float32; only for the new style.
    public func addScalar(
        _ tag: String, _ scalarValue: some SummaryScalar, globalStep: Int? = nil, walltime: Double? = nil, newStyle: Bool = false,
        doublePrecision: Bool = false
    ) throws {
        let number = try scalarValue._summaryNumber()
        let value: SummaryValue =
            newStyle
            ? SummaryValue(tag, .tensor(SummaryTensor(number, doublePrecision: doublePrecision)), plugin: "scalars")
            : SummaryValue(tag, .scalar(Float(number)))
        try write(.summary([value]), globalStep, walltime)
    }

    /// Adds a point to the curve `tag`.
    public func addScalar(
        _ tag: String, _ scalarValue: some SummaryScalar, _ globalStep: Int, walltime: Double? = nil, newStyle: Bool = false,
        doublePrecision: Bool = false
    ) throws {
        try addScalar(
            tag, scalarValue, globalStep: globalStep, walltime: walltime, newStyle: newStyle, doublePrecision: doublePrecision)
    }

    /// Adds a point to each of several curves in one chart: every curve is a run of its own, in the folder `MAINTAG_NAME`, with the tag
    /// `mainTag`.
    public func addScalars(
        _ mainTag: String, _ tagScalarDict: [String: any SummaryScalar], globalStep: Int? = nil, walltime: Double? = nil
    ) throws {
        let (time, folder) = (walltime ?? secondsSince1970(), "\(logDir)/\(mainTag.replacing("/", with: "_"))_")
        let numbers = try tagScalarDict.sorted { ByteKey($0.key) < ByteKey($1.key) }.map { ($0.key, try $0.value._summaryNumber()) }
        for (name, number) in numbers {
            try write(.summary([SummaryValue(mainTag, .scalar(Float(number)))]), globalStep, time, folder: folder + name)
        }
    }

    /// Adds a point to each of several curves in one chart.
    public func addScalars(
        _ mainTag: String, _ tagScalarDict: [String: any SummaryScalar], _ globalStep: Int, walltime: Double? = nil
    ) throws {
        try addScalars(mainTag, tagScalarDict, globalStep: globalStep, walltime: walltime)
    }

    /// Writes a histogram of the elements of `values`. `maxBins` merges neighbouring buckets until there are about that many.
    ///
    /// The histogram covers the finite elements. If there are others, `TAG/not_finite` gets their number as a point of a curve, so that a
    /// NaN in a gradient is visible (PyTorch writes a histogram with NaN as its ends, which TensorBoard does not draw). For no elements an
    /// empty histogram is written, where PyTorch raises an error: logging should not end a training.
    ///
    /// Throws an `OpError` for edges that do not increase, or for less than one bucket.
    public func addHistogram(
        _ tag: String, _ values: Tensor, globalStep: Int? = nil, bins: HistogramBins = .tensorflow, walltime: Double? = nil,
        maxBins: Int? = nil
    ) throws {
        let numbers = try values.summaryNumbers()
        let finite = numbers.filter(\.isFinite)
        guard var edges = bins.edges(for: finite), maxBins ?? 1 >= 1 else {
            throw OpError(
                "\(maxBins.map { "maxBins \($0), " } ?? "")bins \(bins): edges must be finite and grow, and there must be at least one bucket",
                op: "addHistogram")
        }
        if let maxBins, edges.count - 1 > maxBins {
            let joined = (edges.count - 1) / maxBins
            edges = stride(from: 0, to: edges.count - 1, by: joined).map { edges[$0] } + [edges[edges.count - 1]]
        }
        var summary = [SummaryValue(tag, .histogram(Histogram(finite, edges: edges)))]
        if finite.count < numbers.count {
            summary.append(SummaryValue("\(tag)/not_finite", .scalar(Float(numbers.count - finite.count))))
        }
        try write(.summary(summary), globalStep, walltime)
    }

    /// Writes a histogram of the elements of `values`.
    public func addHistogram(
        _ tag: String, _ values: Tensor, _ globalStep: Int, bins: HistogramBins = .tensorflow, walltime: Double? = nil, maxBins: Int? = nil
    ) throws {
        try addHistogram(tag, values, globalStep: globalStep, bins: bins, walltime: walltime, maxBins: maxBins)
    }

    /// Writes a text in Markdown: `**bold**`, tables, lists.
    public func addText(_ tag: String, _ textString: String, globalStep: Int? = nil, walltime: Double? = nil) throws {
        let tensor = SummaryTensor(text: textString)
        try write(.summary([SummaryValue("\(tag)/text_summary", .tensor(tensor), plugin: "text")]), globalStep, walltime)
    }

    /// Writes a text in Markdown.
    public func addText(_ tag: String, _ textString: String, _ globalStep: Int, walltime: Double? = nil) throws {
        try addText(tag, textString, globalStep: globalStep, walltime: walltime)
    }
}
