/// A scalar factor in memory for NVIDIA's libraries: float64 for float64 products, else float32.
struct Factor {
    private var bits: UInt64
    init(_ value: Double, _ dtype: DType) { bits = dtype == .float64 ? value.bitPattern : UInt64(Float(value).bitPattern) }
}
