import CSystem

/// Formats numbers as text, with a decimal point in every locale. All rounding to digits is done here.
package enum NumberText {
    /// What `digits` counts, and when an exponent is written.
    package enum Style: Character {
        /// Digits behind the point: `0.3121`.
        case fixed = "f"
        /// One digit before the point and an exponent: `3.1210e-01`.
        case scientific = "e"
        /// Significant digits without trailing zeros, with an exponent where that is shorter: `0.001`, `1e-05`.
        case short = "g"
    }

    /// A finite number in that style.
    package static func text(_ value: Double, _ style: Style, digits: Int) -> String {
        // The longest finite Double has 309 digits before the point.
        var buffer = [CChar](repeating: 0, count: 320 + max(digits, 0))
        let count = Int(apus_number_text(&buffer, buffer.count, CChar(bitPattern: style.rawValue.asciiValue!), Int32(digits), value))
        return String(decoding: buffer.prefix(max(0, min(count, buffer.count - 1))).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
