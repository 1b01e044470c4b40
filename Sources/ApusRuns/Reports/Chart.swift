import ApusTraining

/// Lines over a common x axis, drawn as inline SVG with the colours of the page's style sheet.
public struct Chart: Sendable {
    /// One line.
    public struct Series: Sendable {
        /// The name in the legend.
        public var name: String
        /// The points, with ascending x. Points that are not finite are left out.
        public var points: [(x: Double, y: Double)]
        /// Whether each point gets a mark, for lines with few points.
        public var hasMarks: Bool
        /// A line of that name.
        public init(_ name: String, _ points: [(x: Double, y: Double)], marks: Bool = false) {
            self.name = name
            self.points = points
            hasMarks = marks
        }
    }

    /// The title above the chart.
    public var title: String
    /// The label of the x axis.
    public var xLabel: String
    /// The lines, at most eight, since there are eight colours.
    public var series: [Series]
    /// The number of digits after the decimal point of shown values.
    public var digits: Int
    /// Whether the y axis includes 0.
    public var fromZero: Bool
    /// Whether x counts something, such as epochs, so that its axis has no more ticks than whole numbers.
    public var countsX: Bool

    /// A chart with these lines.
    public init(title: String, xLabel: String, series: [Series], digits: Int = 4, fromZero: Bool = false, countsX: Bool = true) {
        self.title = title
        self.xLabel = xLabel
        self.series = series
        self.digits = digits
        self.fromZero = fromZero
        self.countsX = countsX
    }

    /// Round numbers that divide `low ... high` into about `count` steps; with `isOuter` from at most `low` to at least `high`.
    static func ticks(_ low: Double, _ high: Double, count: Int, isOuter: Bool) -> [Double] {
        guard high > low, (high - low).isFinite else { return [low] }
        let raw = (high - low) / Double(count)
        var magnitude = 1.0
        while magnitude > raw { magnitude /= 10 }
        while magnitude * 10 <= raw { magnitude *= 10 }
        let step = [1, 2, 2.5, 5, 10].map { $0 * magnitude }.first { $0 >= raw * 0.999 } ?? magnitude * 10
        let first = isOuter ? (low / step + 1e-9).rounded(.down) : (low / step - 1e-9).rounded(.up)
        let last = isOuter ? (high / step - 1e-9).rounded(.up) : (high / step + 1e-9).rounded(.down)
        guard last >= first, last - first < 100 else { return [low, high] }
        return stride(from: first, through: last, by: 1).map { $0 * step + 0 } // Not −0.
    }

    /// The text of a tick: `0.25`, `25,000`.
    private static func label(_ value: Double) -> String { abs(value) >= 1000 ? Text.compact(value) : Text.short(value) }

    private static let (width, height) = (560.0, 300.0)
    private static let (left, right, top, bottom) = (52.0, 16.0, 12.0, 38.0)

    /// The chart as a `<figure>`.
    func html() -> String {
        let lines = series.map { line in line.points.filter { $0.x.isFinite && $0.y.isFinite } }
        let all = lines.flatMap { $0 }
        guard let first = all.first else {
            return "<figure class=\"chart\"><figcaption>\(escaped(title))</figcaption><p class=\"empty\">Nothing was recorded.</p></figure>"
        }
        let legend = series.enumerated().map { "<span class=\"key\"><i class=\"s\($0.offset + 1)\"></i>\(escaped($0.element.name))</span>" }
            .joined()
        let (x0, x1) = (all.reduce(first.x) { min($0, $1.x) }, all.reduce(first.x) { max($0, $1.x) })
        var (low, high) = (all.reduce(first.y) { min($0, $1.y) }, all.reduce(first.y) { max($0, $1.y) })
        if fromZero { (low, high) = (min(low, 0), max(high, 0)) }
        // If all values are equal, leave room on both sides.
        if low == high { (low, high) = low == 0 ? (-1, 1) : (low - abs(low) / 10, high + abs(high) / 10) }
        let yTicks = Chart.ticks(low, high, count: 5, isOuter: true)
        let (y0, y1) = (yTicks.first!, yTicks.last!)
        // A single value is drawn in the middle.
        func x(_ value: Double) -> Double {
            x1 > x0
                ? Chart.left + (value - x0) / (x1 - x0) * (Chart.width - Chart.left - Chart.right)
                : (Chart.left + Chart.width - Chart.right) / 2
        }
        func y(_ value: Double) -> Double {
            y1 > y0
                ? Chart.height - Chart.bottom - (value - y0) / (y1 - y0) * (Chart.height - Chart.top - Chart.bottom)
                : (Chart.top + Chart.height - Chart.bottom) / 2
        }
        func n(_ value: Double) -> String { Text.fixed(value, 1) }

        var svg = "<svg viewBox=\"0 0 \(n(Chart.width)) \(n(Chart.height))\" role=\"img\" aria-label=\"\(escaped(title))\">\n"
        for tick in yTicks {
            svg +=
                "<line class=\"grid\" x1=\"\(n(Chart.left))\" x2=\"\(n(Chart.width - Chart.right))\" y1=\"\(n(y(tick)))\" y2=\"\(n(y(tick)))\"/>"
            svg +=
                "<text class=\"tick\" text-anchor=\"end\" x=\"\(n(Chart.left - 8))\" y=\"\(n(y(tick) + 4))\">\(Chart.label(tick))</text>\n"
        }
        svg +=
            "<line class=\"axis\" x1=\"\(n(Chart.left))\" x2=\"\(n(Chart.width - Chart.right))\" y1=\"\(n(Chart.height - Chart.bottom))\" y2=\"\(n(Chart.height - Chart.bottom))\"/>"
        let xTicks = countsX ? min(10, max(1, Int((x1 - x0).rounded(.up)))) : 5
        for tick in Chart.ticks(x0, x1, count: xTicks, isOuter: false) {
            svg +=
                "<line class=\"axis\" x1=\"\(n(x(tick)))\" x2=\"\(n(x(tick)))\" y1=\"\(n(Chart.height - Chart.bottom))\" y2=\"\(n(Chart.height - Chart.bottom + 4))\"/>"
            svg +=
                "<text class=\"tick\" text-anchor=\"middle\" x=\"\(n(x(tick)))\" y=\"\(n(Chart.height - Chart.bottom + 17))\">\(Text.short(tick))</text>\n"
        }
        svg +=
            "<text class=\"label\" text-anchor=\"middle\" x=\"\(n((Chart.left + Chart.width - Chart.right) / 2))\" y=\"\(n(Chart.height - 4))\">\(escaped(xLabel))</text>\n"
        for (i, line) in lines.enumerated() {
            let points = line.map { "\(n(x($0.x))),\(n(y($0.y)))" }.joined(separator: " ")
            svg += "<polyline class=\"s\(i + 1)\" points=\"\(points)\"/>\n"
            guard series[i].hasMarks else { continue }
            for point in line {
                svg +=
                    "<circle class=\"s\(i + 1)\" cx=\"\(n(x(point.x)))\" cy=\"\(n(y(point.y)))\" r=\"4\"><title>\(escaped(series[i].name)), \(escaped(xLabel)) \(Text.short(point.x)): \(Text.fixed(point.y, digits))</title></circle>\n"
            }
        }
        return
            "<figure class=\"chart\"><figcaption>\(escaped(title))<span class=\"legend\">\(legend)</span></figcaption>\n\(svg)</svg></figure>\n"
    }
}

/// `text` escaped for HTML, including attributes.
func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "&": result += "&amp;"
        case "<": result += "&lt;"
        case ">": result += "&gt;"
        case "\"": result += "&quot;"
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result
}

/// `bytes` in base 64 (RFC 4648), for data URIs.
func base64(_ bytes: [UInt8]) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var out: [UInt8] = []
    out.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
        let present = min(3, bytes.count - start)
        let group = (0..<3).reduce(UInt32(0)) { $0 << 8 | ($1 < present ? UInt32(bytes[start + $1]) : 0) }
        for i in 0..<4 { out.append(i <= present ? alphabet[Int(group >> UInt32(18 - 6 * i) & 63)] : UInt8(ascii: "=")) }
    }
    return String(decoding: out, as: UTF8.self)
}
