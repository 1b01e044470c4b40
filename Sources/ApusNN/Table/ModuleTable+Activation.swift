import ApusCore

extension ModuleTable {
    static let activations: [Entry] = [
        Entry("ReLU") { a in ReLU(inplace: try a.bool("inplace", false)) },
        Entry("ReLU6") { a in ReLU6(inplace: try a.bool("inplace", false)) },
        Entry("SELU") { a in SELU(inplace: try a.bool("inplace", false)) },
        Entry("SiLU") { a in SiLU(inplace: try a.bool("inplace", false)) },
        Entry("Mish") { a in Mish(inplace: try a.bool("inplace", false)) },
        Entry("Hardswish") { a in Hardswish(inplace: try a.bool("inplace", false)) },
        Entry("Hardsigmoid") { a in Hardsigmoid(inplace: try a.bool("inplace", false)) },
        Entry("LeakyReLU") { a in LeakyReLU(try a.number("negative_slope", .double(0.01)), inplace: try a.bool("inplace", false)) },
        Entry("ELU") { a in ELU(alpha: try a.number("alpha", .double(1)), inplace: try a.bool("inplace", false)) },
        Entry("CELU") { a in CELU(alpha: try a.number("alpha", .double(1)), inplace: try a.bool("inplace", false)) },
        Entry("GELU") { a in GELU(approximate: try a.choice("approximate", GELUApproximation.none)) },
        Entry("Sigmoid") { _ in Sigmoid() },
        Entry("Tanh") { _ in Tanh() },
        Entry("LogSigmoid") { _ in LogSigmoid() },
        Entry("Softsign") { _ in Softsign() },
        Entry("Tanhshrink") { _ in Tanhshrink() },
        Entry("Softplus") { a in Softplus(beta: try a.number("beta", .double(1)), threshold: try a.number("threshold", .double(20))) },
        Entry("Hardshrink") { a in Hardshrink(try a.number("lambd", .double(0.5))) },
        Entry("Softshrink") { a in Softshrink(try a.number("lambd", .double(0.5))) },
        Entry("Hardtanh") { a in
            let (least, most, inplace) = (try a.number("min_val", .double(-1)), try a.number("max_val", .double(1)), try a.bool("inplace", false))
            // By their old names, which overrule.
            return Hardtanh(try a.optionalNumber("min_value") ?? least, try a.optionalNumber("max_value") ?? most, inplace: inplace)
        },
        Entry("Threshold") { a in Threshold(try a.number("threshold"), try a.number("value"), inplace: try a.bool("inplace", false)) },
        Entry("GLU") { a in GLU(try a.int("dim", -1)) },
        Entry("PReLU") { a in
            let (count, start) = (try a.int("num_parameters", 1), try a.double("init", 0.25))
            let (device, dtype) = try a.deviceAndDType()
            return PReLU(count, init: start, device: device, dtype: dtype)
        },
        Entry("RReLU") { a in
            RReLU(try a.number("lower", .double(1.0 / 8)), try a.number("upper", .double(1.0 / 3)), inplace: try a.bool("inplace", false))
        },
        Entry("Softmax") { a in Softmax(try a.optionalInt("dim")) },
        Entry("LogSoftmax") { a in LogSoftmax(try a.optionalInt("dim")) },
        Entry("Softmin") { a in Softmin(try a.optionalInt("dim")) },
        Entry("Softmax2d") { _ in Softmax2d() },
    ]

    static let dropouts: [Entry] = [
        Entry("Dropout") { a in Dropout(try a.number("p", .double(0.5)), inplace: try a.bool("inplace", false)) },
        Entry("Dropout1d") { a in Dropout1d(try a.number("p", .double(0.5)), inplace: try a.bool("inplace", false)) },
        Entry("Dropout2d") { a in Dropout2d(try a.number("p", .double(0.5)), inplace: try a.bool("inplace", false)) },
        Entry("Dropout3d") { a in Dropout3d(try a.number("p", .double(0.5)), inplace: try a.bool("inplace", false)) },
        Entry("AlphaDropout") { a in AlphaDropout(try a.number("p", .double(0.5)), inplace: try a.bool("inplace", false)) },
        Entry("FeatureAlphaDropout") { a in FeatureAlphaDropout(try a.number("p", .double(0.5)), inplace: try a.bool("inplace", false)) },
    ]
}
