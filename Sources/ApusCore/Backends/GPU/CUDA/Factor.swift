/// A factor as NVIDIA's libraries read it from memory: float64 where float64 is computed, else float32.
struct Factor {
    private var bits: UInt64
    init(_ value: Double, _ dtype: DType) { bits = dtype == .float64 ? value.bitPattern : UInt64(Float(value).bitPattern) }
}
