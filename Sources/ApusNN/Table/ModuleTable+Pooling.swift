import ApusCore

extension ModuleTable {
    static let pooling: [Entry] = [
        maxPool("MaxPool1d", MaxPool1d.init), maxPool("MaxPool2d", MaxPool2d.init), maxPool("MaxPool3d", MaxPool3d.init),
        maxUnpool("MaxUnpool1d", MaxUnpool1d.init), maxUnpool("MaxUnpool2d", MaxUnpool2d.init), maxUnpool("MaxUnpool3d", MaxUnpool3d.init),
        Entry("AvgPool1d") { a in
            let (kernel, stride, padding) = (try a.extents("kernel_size"), try a.optionalExtents("stride"), try a.extents("padding", Extents(0)))
            let (ceil, countsPadding) = (try a.bool("ceil_mode", false), try a.bool("count_include_pad", true))
            return AvgPool1d(kernelSize: kernel, stride: stride, padding: padding, ceilMode: ceil, countIncludePad: countsPadding)
        },
        averagePool("AvgPool2d", AvgPool2d.init), averagePool("AvgPool3d", AvgPool3d.init),
        adaptiveAverage("AdaptiveAvgPool1d", AdaptiveAvgPool1d.init), adaptiveAverage("AdaptiveAvgPool2d", AdaptiveAvgPool2d.init),
        adaptiveAverage("AdaptiveAvgPool3d", AdaptiveAvgPool3d.init),
        adaptiveMax("AdaptiveMaxPool1d", AdaptiveMaxPool1d.init), adaptiveMax("AdaptiveMaxPool2d", AdaptiveMaxPool2d.init),
        adaptiveMax("AdaptiveMaxPool3d", AdaptiveMaxPool3d.init),
        fractional("FractionalMaxPool2d", FractionalMaxPool2d.init), fractional("FractionalMaxPool3d", FractionalMaxPool3d.init),
        lpPool("LPPool1d") { LPPool1d($0, kernelSize: $1, stride: $2, ceilMode: $3) },
        lpPool("LPPool2d") { LPPool2d($0, kernelSize: $1, stride: $2, ceilMode: $3) },
        lpPool("LPPool3d") { LPPool3d($0, kernelSize: $1, stride: $2, ceilMode: $3) },
    ]

    private typealias Size = any ExtentsConvertible

    private static func maxPool(_ name: String, _ make: @escaping @Sendable (Size, Size?, Size, Size, Bool, Bool) -> MaxPool) -> Entry {
        Entry(name) { a in
            let (kernel, stride, padding) = (try a.extents("kernel_size"), try a.optionalExtents("stride"), try a.extents("padding", Extents(0)))
            let (dilation, indices, ceil) = (try a.extents("dilation", Extents(1)), try a.bool("return_indices", false), try a.bool("ceil_mode", false))
            return make(kernel, stride, padding, dilation, indices, ceil)
        } call: { (module: MaxPool, a) in
            let x = try a.tensor("input")
            try a.finish()
            guard module.returnIndices else { return .tensor(module(x)) }
            let (values, indices) = module.withIndices(x)
            return .list([.tensor(values), .tensor(indices)])
        }
    }

    private static func maxUnpool(_ name: String, _ make: @escaping @Sendable (Size, Size?, Size) -> MaxUnpool) -> Entry {
        Entry(name) { a in
            make(try a.extents("kernel_size"), try a.optionalExtents("stride"), try a.extents("padding", Extents(0)))
        } call: { (module: MaxUnpool, a) in
            let (x, indices) = (try a.tensor("input"), try a.tensor("indices"))
            let size = try a.readOptional("output_size", "a list of integers", \.ints)
            try a.finish()
            return .tensor(module(x, indices, outputSize: size))
        }
    }

    private static func averagePool(_ name: String, _ make: @escaping @Sendable (Size, Size?, Size, Bool, Bool, Int?) -> AvgPool) -> Entry {
        Entry(name) { a in
            let (kernel, stride, padding) = (try a.extents("kernel_size"), try a.optionalExtents("stride"), try a.extents("padding", Extents(0)))
            let (ceil, countsPadding) = (try a.bool("ceil_mode", false), try a.bool("count_include_pad", true))
            return make(kernel, stride, padding, ceil, countsPadding, try a.optionalInt("divisor_override"))
        }
    }

    private static func adaptiveAverage(_ name: String, _ make: @escaping @Sendable (any OutputExtentsConvertible) -> AdaptiveAvgPool) -> Entry {
        Entry(name) { a in make(try a.outputExtents()) }
    }

    private static func adaptiveMax(_ name: String, _ make: @escaping @Sendable (any OutputExtentsConvertible, Bool) -> AdaptiveMaxPool) -> Entry {
        Entry(name) { a in
            make(try a.outputExtents(), try a.bool("return_indices", false))
        } call: { (module: AdaptiveMaxPool, a) in
            let x = try a.tensor("input")
            try a.finish()
            guard module.returnIndices else { return .tensor(module(x)) }
            let (values, indices) = module.withIndices(x)
            return .list([.tensor(values), .tensor(indices)])
        }
    }

    private static func fractional(_ name: String, _ make: @escaping @Sendable (Size, Size?, [Double]?, Bool, Tensor?) -> FractionalMaxPool) -> Entry {
        Entry(name) { a in
            let (kernel, size) = (try a.extents("kernel_size"), try a.optionalExtents("output_size"))
            let ratio = try a.readOptional("output_ratio", "a number or a list of numbers", \.doubles)
            return make(kernel, size, ratio, try a.bool("return_indices", false), try a.optionalTensor("_random_samples"))
        } call: { (module: FractionalMaxPool, a) in
            let x = try a.tensor("input")
            try a.finish()
            guard module.returnIndices else { return .tensor(module(x)) }
            let (values, indices) = module.withIndices(x)
            return .list([.tensor(values), .tensor(indices)])
        }
    }

    private static func lpPool(_ name: String, _ make: @escaping @Sendable (Scalar, Size, Size?, Bool) -> LPPool) -> Entry {
        Entry(name) { a in
            let (norm, kernel) = (try a.number("norm_type"), try a.extents("kernel_size"))
            let (stride, ceil) = (try a.optionalExtents("stride"), try a.bool("ceil_mode", false))
            return make(norm, kernel, stride, ceil)
        }
    }
}

extension Arguments {
    /// An adaptive pool's output: one integer, or a list in which None keeps the input's extent.
    fileprivate mutating func outputExtents() throws -> OutputExtents {
        try read("output_size", nil, "an integer, or a list of integers and None") { (value: Argument) -> OutputExtents? in
            if let number = value.int { return OutputExtents(number) }
            if case .none = value { return OutputExtents([nil] as [Int?]) }
            guard let list = value.list, !list.isEmpty else { return nil }
            var extents: [Int?] = []
            for element in list {
                if case .none = element { extents.append(nil) } else if let number = element.int { extents.append(number) } else { return nil }
            }
            return OutputExtents(extents)
        }
    }
}
