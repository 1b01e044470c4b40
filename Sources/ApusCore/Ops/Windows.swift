import Glibc

/// Window functions: numbers to multiply a section of a signal with before its spectrum is computed. PyTorch: `torch.signal.windows`.
///
/// A window has `m` numbers. It is symmetric, as needed for filters, or with `sym: false` one period of a periodic window, as needed for
/// spectra: the first m of m + 1 symmetric numbers. Computed in float64 on the host. All functions trap if m is negative, and for integer
/// dtypes.
public enum SignalWindows {
    /// A triangle with zeros at its ends: 1 − |2k/(m − 1) − 1|.
    public static func bartlett(_ m: Int, sym: Bool = true, dtype: DType = .float32, device: Device = .cpu) -> Tensor {
        made("bartlett", m, sym, dtype, device, single: 1) { k, n in 1 - Swift.abs(2 * k / n - 1) }
    }

    /// 0.42 − 0.5·cos t + 0.08·cos 2t with t = 2πk/(m − 1).
    public static func blackman(_ m: Int, sym: Bool = true, dtype: DType = .float32, device: Device = .cpu) -> Tensor {
        generalCosine(m, [0.42, 0.5, 0.08], sym: sym, dtype: dtype, device: device)
    }

    /// Half a period of a sine: sin(π(k + ½)/m).
    public static func cosine(_ m: Int, sym: Bool = true, dtype: DType = .float32, device: Device = .cpu) -> Tensor {
        made("cosine", m, sym, dtype, device) { k, n in Glibc.sin(Double.pi * (k + 0.5) / (n + 1)) }
    }

    /// exp(−|k − center|/tau); by default `center` is the middle. Traps if tau is not positive, and for a symmetric window with a given
    /// center.
    public static func exponential(
        _ m: Int, center: Double? = nil, tau: Double = 1, sym: Bool = true, dtype: DType = .float32, device: Device = .cpu
    ) -> Tensor {
        guard tau > 0 else { return fail("exponential", "tau must be positive, it is \(tau)") }
        guard center == nil || !sym else { return fail("exponential", "the center of a symmetric window is its middle; leave center out") }
        return made("exponential", m, sym, dtype, device) { k, n in Glibc.exp(-Swift.abs(k - (center ?? n / 2)) / tau) }
    }

    /// exp(−((k − (m − 1)/2)/std)²/2). Traps if the standard deviation is not positive.
    public static func gaussian(
        _ m: Int, std: Double = 1, sym: Bool = true, dtype: DType = .float32, device: Device = .cpu
    ) -> Tensor {
        guard std > 0 else { return fail("gaussian", "the standard deviation must be positive, it is \(std)") }
        return made("gaussian", m, sym, dtype, device) { k, n in
            let x = (k - n / 2) / std
            return Glibc.exp(-x * x / 2)
        }
    }

    /// Σ (−1)ⁱ·aᵢ·cos(it) with t = 2πk/(m − 1); 1 for m = 1. Traps if there are no coefficients. PyTorch: `general_cosine`.
    public static func generalCosine(
        _ m: Int, _ a: [Double], sym: Bool = true, dtype: DType = .float32, device: Device = .cpu
    ) -> Tensor {
        guard !a.isEmpty else { return fail("generalCosine", "needs at least one coefficient") }
        return made("generalCosine", m, sym, dtype, device, single: 1) { k, n in
            let t = 2 * Double.pi * k / n
            return a.indices.reduce(0.0) { sum, i in sum + (i % 2 == 0 ? a[i] : -a[i]) * Glibc.cos(Double(i) * t) }
        }
    }

    /// alpha − (1 − alpha)·cos t with t = 2πk/(m − 1). PyTorch: `general_hamming`.
    public static func generalHamming(
        _ m: Int, alpha: Double = 0.54, sym: Bool = true, dtype: DType = .float32, device: Device = .cpu
    ) -> Tensor {
        generalCosine(m, [alpha, 1 - alpha], sym: sym, dtype: dtype, device: device)
    }

    /// 0.54 − 0.46·cos t with t = 2πk/(m − 1).
    public static func hamming(_ m: Int, sym: Bool = true, dtype: DType = .float32, device: Device = .cpu) -> Tensor {
        generalHamming(m, sym: sym, dtype: dtype, device: device)
    }

    /// ½ − ½·cos t with t = 2πk/(m − 1).
    public static func hann(_ m: Int, sym: Bool = true, dtype: DType = .float32, device: Device = .cpu) -> Tensor {
        generalHamming(m, alpha: 0.5, sym: sym, dtype: dtype, device: device)
    }

    /// I₀(beta·√(1 − (2k/(m − 1) − 1)²)) / I₀(beta) with the modified Bessel function I₀. Traps if beta is negative.
    public static func kaiser(
        _ m: Int, beta: Double = 12, sym: Bool = true, dtype: DType = .float32, device: Device = .cpu
    ) -> Tensor {
        guard beta >= 0 else { return fail("kaiser", "beta must not be negative, it is \(beta)") }
        return kaiser("kaiser", m, beta, sym, dtype, device)
    }

    /// A sum of four cosines with small side lobes.
    public static func nuttall(_ m: Int, sym: Bool = true, dtype: DType = .float32, device: Device = .cpu) -> Tensor {
        generalCosine(m, [0.3635819, 0.4891775, 0.1365995, 0.0106411], sym: sym, dtype: dtype, device: device)
    }

    // MARK: What they are made by

    /// Computes `value` for each k from 0 to m − 1, given the number n of steps from the first number to the last, or to the first of the
    /// next period; n is 0 for a single number, which is `single` if given.
    fileprivate static func made(
        _ op: String, _ m: Int, _ sym: Bool, _ dtype: DType, _ device: Device, single: Double? = nil,
        _ value: (_ k: Double, _ n: Double) -> Double
    ) -> Tensor {
        guard m >= 0 else { return fail(op, "a window of \(m) numbers cannot be made") }
        guard dtype.isFloatingPoint else { return fail(op, "a window has fractions, which \(dtype) does not hold; use a float dtype") }
        let n = Double(sym || m <= 1 ? m - 1 : m)
        return Tensor.sequence(op, m, dtype, device) { k -> Double in
            if let single, m == 1 { single } else { value(Double(k), n) }
        }
    }

    fileprivate static func kaiser(_ op: String, _ m: Int, _ beta: Double, _ sym: Bool, _ dtype: DType, _ device: Device) -> Tensor {
        let whole = besselI0(beta)
        return made(op, m, sym, dtype, device, single: 1) { k, n in
            let x = 2 * k / n - 1
            return besselI0(beta * Swift.max(1 - x * x, 0).squareRoot()) / whole
        }
    }

    /// I₀(x) = Σ ((x/2)ⁱ/i!)². All terms are positive, so no digits cancel.
    private static func besselI0(_ x: Double) -> Double {
        var (sum, term, i) = (1.0, 1.0, 1.0)
        while term > sum * 0x1p-60 {
            term *= (x / 2 / i) * (x / 2 / i)
            sum += term
            i += 1
        }
        return sum
    }
}

extension Tensor {
    /// A triangle: `SignalWindows.bartlett`, with `periodic` one period of a periodic window. PyTorch: `torch.bartlett_window`.
    public static func bartlettWindow(
        _ windowLength: Int, periodic: Bool = true, dtype: DType = .float32, device: Device = .cpu
    ) -> Tensor {
        SignalWindows.bartlett(windowLength, sym: !periodic, dtype: dtype, device: device)
    }
    /// 0.42 − 0.5·cos t + 0.08·cos 2t: `SignalWindows.blackman`, with `periodic` one period of a periodic window. PyTorch:
    /// `torch.blackman_window`.
    public static func blackmanWindow(
        _ windowLength: Int, periodic: Bool = true, dtype: DType = .float32, device: Device = .cpu
    ) -> Tensor {
        SignalWindows.blackman(windowLength, sym: !periodic, dtype: dtype, device: device)
    }
    /// alpha − beta·cos t: `SignalWindows.generalCosine`, with `periodic` one period of a periodic window. PyTorch: `torch.hamming_window`.
    public static func hammingWindow(
        _ windowLength: Int, periodic: Bool = true, alpha: Double = 0.54, beta: Double = 0.46, dtype: DType = .float32,
        device: Device = .cpu
    ) -> Tensor {
        SignalWindows.generalCosine(windowLength, [alpha, beta], sym: !periodic, dtype: dtype, device: device)
    }
    /// ½ − ½·cos t: `SignalWindows.hann`, with `periodic` one period of a periodic window. PyTorch: `torch.hann_window`.
    public static func hannWindow(
        _ windowLength: Int, periodic: Bool = true, dtype: DType = .float32, device: Device = .cpu
    ) -> Tensor {
        SignalWindows.hann(windowLength, sym: !periodic, dtype: dtype, device: device)
    }
    /// A ratio of Bessel functions: `SignalWindows.kaiser`, with `periodic` one period of a periodic window. PyTorch:
    /// `torch.kaiser_window`.
    public static func kaiserWindow(
        _ windowLength: Int, periodic: Bool = true, beta: Double = 12, dtype: DType = .float32, device: Device = .cpu
    ) -> Tensor {
        SignalWindows.kaiser("kaiserWindow", windowLength, beta, !periodic, dtype, device)
    }
}
