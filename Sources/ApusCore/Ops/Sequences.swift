import Glibc

// Number sequences, besides `arange` and `linspace` in `Creation.swift`. Computed in float64 on the host.

extension Tensor {
    /// `steps` numbers from base^start to base^end, both included, whose logarithms are evenly spaced. For integers `start` and `end` are
    /// truncated first. Traps if `steps` is negative. PyTorch: `torch.logspace`.
    public static func logspace(
        _ start: Double, _ end: Double, _ steps: Int, base: Double = 10, dtype: DType = .float32, device: Device = .cpu,
        requiresGrad: Bool = false
    ) -> Tensor {
        guard steps >= 0 else { return fail("logspace", "the number of steps (\(steps)) is negative") }
        let exponent = spaced(start, end, steps, dtype)
        return sequence("logspace", steps, dtype, device) { Glibc.pow(base, exponent($0)) }.marked(requiresGrad)
    }
    /// `logspace` with the label `steps`.
    public static func logspace(
        _ start: Double, _ end: Double, steps: Int, base: Double = 10, dtype: DType = .float32, device: Device = .cpu,
        requiresGrad: Bool = false
    ) -> Tensor {
        logspace(start, end, steps, base: base, dtype: dtype, device: device, requiresGrad: requiresGrad)
    }

    /// The frequencies of a discrete Fourier transform of n samples that are `d` apart: 0, 1, …, then the negative ones from −⌊n/2⌋ to −1,
    /// divided by n·d. Traps if n is negative, and for integer dtypes. PyTorch: `torch.fft.fftfreq`.
    public static func fftfreq(_ n: Int, d: Double = 1, dtype: DType = .float32, device: Device = .cpu) -> Tensor {
        frequencies("fftfreq", n, count: n, d, dtype, device) { $0 < (n + 1) / 2 ? $0 : $0 - n }
    }
    /// The frequencies of a discrete Fourier transform of n real samples that are `d` apart: 0, 1, …, ⌊n/2⌋, divided by n·d. Traps if n is
    /// negative, and for integer dtypes. PyTorch: `torch.fft.rfftfreq`.
    public static func rfftfreq(_ n: Int, d: Double = 1, dtype: DType = .float32, device: Device = .cpu) -> Tensor {
        frequencies("rfftfreq", n, count: n / 2 + 1, d, dtype, device) { $0 }
    }

    private static func frequencies(
        _ op: String, _ n: Int, count: Int, _ d: Double, _ dtype: DType, _ device: Device, _ turns: (Int) -> Int
    ) -> Tensor {
        guard n >= 0 else { return fail(op, "the number of samples (\(n)) is negative") }
        guard dtype.isFloatingPoint else { return fail(op, "frequencies are fractions, which \(dtype) does not hold; use a float dtype") }
        return sequence(op, count, dtype, device) { Double(turns($0)) / (Double(n) * d) }
    }
}
