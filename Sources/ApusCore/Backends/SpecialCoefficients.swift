/// Coefficients of the special functions of the reference and the devices; `math_special.h` has those of the processor. Polynomials begin
/// with the constant term. Rational functions were fitted with 50 digits.
enum SpecialCoefficients {
    /// erf⁻¹(x)/x − √π/2 as a function of w = −ln(1 − x²), for w up to 5.
    static let erfinvInner: [Double] = [
        0.23201366653465447, 0.0423168100999213, 0.012575325365511276, 0.0016444106507909903, 0.00020516203955443923,
        1.6930316703701173e-05,
        9.526479996882831e-07, 3.029555498561203e-08, 0,
    ]
    static let erfinvInnerDivisor: [Double] = [
        1, 0.13261058506246587, 0.0576641117835918, 0.006103651610351887, 0.0010330809459578403, 7.945178636135804e-05,
        5.54187364373264e-06,
        2.3569732781067723e-07, 1.945520808426286e-09,
    ]
    /// erf⁻¹(x) − s with s = √−ln((1 − |x|)/2): a function of s − 2.5 up to s = 6.1, and of s − 6.1 beyond.
    static let erfinvTail: [Double] = [
        -0.45695079130632993, -0.6061360724427372, -0.32517712547897754, -0.08838803532771562, -0.012424803285005772,
        -0.0008317739077950845,
        -2.1713985468604415e-05, -1.341263739649769e-07, 0,
    ]
    static let erfinvTailDivisor: [Double] = [
        1, 1.5708353128488928, 1.0253357307648325, 0.355305283841375, 0.06902208365444716, 0.007294488710549955, 0.0003774089184498825,
        7.626498381653005e-06, 3.397178565630172e-08,
    ]
    static let erfinvFar: [Double] = [
        -0.25493746901345343, -0.11305186741087539, -0.01896702459789505, -0.0015214800242235342, -6.1023164030104625e-05,
        -1.1722476394881539e-06,
        -9.39980972144388e-09, -2.2263362441231365e-11, -2.115738122851049e-15,
    ]
    static let erfinvFarDivisor: [Double] = [
        1, 0.5570793921970292, 0.12297852615004491, 0.013749851724600406, 0.0008283187145513857, 2.654821079611567e-05,
        4.2058801463181244e-07,
        2.7964274012907455e-09, 5.2612026896055864e-12,
    ]
    /// ψ(x)/(x − x₀) − 1, where x₀ is the zero of ψ, as a function of x − 1 in [0, 1].
    static let digammaNear: [Double] = [
        0.2503801375034054, -0.30957408825968885, -0.6919409437403516, -0.35473150019898825, -0.07115493979151359, -0.005519862186036254,
        -0.00011934204387003062,
    ]
    static let digammaNearDivisor: [Double] = [
        1, 2.1771665986671342, 1.6630736963665909, 0.5710455727133128, 0.09111902253303285, 0.006100975692434821, 0.00012043151172286901,
    ]
    /// The zero of ψ in two parts.
    static let digammaZero = (1.4616321449683622, 9.549995429965697e-17)
    /// B₂ⱼ/2j
    static let digammaSeries = ratios([(1, 12), (-1, 120), (1, 252), (-1, 240), (1, 132), (-691, 32760), (1, 12), (-3617, 8160)])
    /// B₂ⱼ/(2j)!
    static let eulerMaclaurin = ratios([
        (1, 12), (-1, 720), (1, 30240), (-1, 1_209_600), (1, 47_900_160), (-691, 1_307_674_368_000), (1, 74_724_249_600),
    ])
    /// B₂ⱼ/(2j·(2j − 1)): Stirling's series for ln Γ(a), a polynomial in 1/a².
    static let stirling = ratios([(1, 12), (-1, 360), (1, 1260), (-1, 1680), (1, 1188), (-691, 360_360), (1, 156), (-3617, 122_400)])
    /// (μ − ln(1 + μ))/μ², a polynomial in μ.
    static let gammaExponent = ratios((2...18).map { (Double(1 - $0 % 2 * 2), Double($0)) })
    /// The first two functions in Temme's uniform expansion of the incomplete gamma function, polynomials in η.
    static let temme0 = ratios([(-1, 3), (1, 12), (-2, 135), (1, 864), (1, 2835), (-139, 777_600), (1, 25_515), (-571, 261_273_600)])
    static let temme1 = ratios([(-1, 540), (-1, 288), (1, 378)])

    private static func ratios(_ pairs: [(Double, Double)]) -> [Double] { pairs.map { $0.0 / $0.1 } }
}
