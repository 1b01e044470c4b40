import ApusCore
import ApusSystem

/// Numbers and times as text for people. Without Foundation, which would slow down the start of a program.
package enum Text {
    /// `value` with `digits` digits after the decimal point: `0.3121`.
    package static func fixed(_ value: Double, _ digits: Int) -> String {
        guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
        return NumberText.text(value, .fixed, digits: digits)
    }

    /// Up to `digits` significant digits, no trailing zeros: `0.001`, `1e-05`.
    package static func short(_ value: Double, _ digits: Int = 4) -> String {
        guard value.isFinite else { return fixed(value, 0) }
        return NumberText.text(value, .short, digits: digits)
    }

    /// An integer with thousands separators: `203,530`.
    package static func grouped(_ value: Int) -> String {
        var digits = String(value.magnitude)
        var position = digits.count - 3
        while position > 0 {
            digits.insert(",", at: digits.index(digits.startIndex, offsetBy: position))
            position -= 3
        }
        return value < 0 ? "-" + digits : digits
    }

    /// A rate or count with about three digits: `812`, `41,230`, `1.25M`, `3.61G`.
    package static func compact(_ value: Double) -> String {
        guard value.isFinite else { return "-" }
        switch abs(value) {
        case 1e12...: return fixed(value / 1e12, 2) + "T"
        case 1e9...: return fixed(value / 1e9, 2) + "G"
        case 1e6...: return fixed(value / 1e6, 2) + "M"
        case 100...: return grouped(Int(value.rounded()))
        default: return fixed(value, 1)
        }
    }

    /// Seconds as `0:07`, `12:30` or `3:05:00`.
    package static func clock(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds < 360_000_000 else { return "-:--" }
        let whole = Int(max(0, seconds).rounded(.up))
        let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60)
        return hours > 0 ? "\(hours):\(padded(minutes)):\(padded(rest))" : "\(minutes):\(padded(rest))"
    }

    /// Seconds as `0.42 s`, `7.3 s`, `2 min 05 s` or `3 h 05 min`.
    package static func duration(_ seconds: Double) -> String {
        guard abs(seconds) < 1e15 else { return "-" }
        if seconds < 1 { return fixed(seconds, 2) + " s" }
        if seconds < 59.95 { return fixed(seconds, 1) + " s" }
        let whole = Int(seconds.rounded())
        return whole < 3600 ? "\(whole / 60) min \(padded(whole % 60)) s" : "\(whole / 3600) h \(padded(whole / 60 % 60)) min"
    }

    /// Bytes as `814 kB`.
    package static func bytes(_ count: Int) -> String {
        switch count {
        case 1_000_000_000...: fixed(Double(count) / 1e9, 2) + " GB"
        case 1_000_000...: fixed(Double(count) / 1e6, 2) + " MB"
        case 1_000...: fixed(Double(count) / 1e3, 0) + " kB"
        default: "\(count) bytes"
        }
    }

    /// `text` right-aligned in `width` characters.
    package static func right(_ text: String, _ width: Int) -> String { String(repeating: " ", count: max(0, width - text.count)) + text }
    /// `text` left-aligned in `width` characters.
    package static func left(_ text: String, _ width: Int) -> String { text + String(repeating: " ", count: max(0, width - text.count)) }

    private static func padded(_ value: Int) -> String { value < 10 ? "0\(value)" : String(value) }
}
