import ApusCore

extension ModuleTable {
    static let paddings: [Entry] = [
        constantPad("ConstantPad1d") { ConstantPad1d($0, $1) }, constantPad("ConstantPad2d") { ConstantPad2d($0, $1) },
        constantPad("ConstantPad3d") { ConstantPad3d($0, $1) },
        pad("ZeroPad1d", ZeroPad1d.init), pad("ZeroPad2d", ZeroPad2d.init), pad("ZeroPad3d", ZeroPad3d.init),
        pad("ReflectionPad1d", ReflectionPad1d.init), pad("ReflectionPad2d", ReflectionPad2d.init), pad("ReflectionPad3d", ReflectionPad3d.init),
        pad("ReplicationPad1d", ReplicationPad1d.init), pad("ReplicationPad2d", ReplicationPad2d.init), pad("ReplicationPad3d", ReplicationPad3d.init),
        pad("CircularPad1d", CircularPad1d.init), pad("CircularPad2d", CircularPad2d.init), pad("CircularPad3d", CircularPad3d.init),
    ]

    private static func pad(_ name: String, _ make: @escaping @Sendable (any ExtentsConvertible) -> PaddingLayer) -> Entry {
        Entry(name) { a in make(try a.padding(name)) }
    }

    private static func constantPad(_ name: String, _ make: @escaping @Sendable (any ExtentsConvertible, Scalar) -> PaddingLayer) -> Entry {
        Entry(name) { a in make(try a.padding(name), try a.number("value")) }
    }

    static let normalization: [Entry] = [
        Entry("LayerNorm") { a in
            let (shape, eps) = (try a.normalizedShape(), try a.double("eps", 1e-5))
            let (affine, bias) = (try a.bool("elementwise_affine", true), try a.bool("bias", true))
            let (device, dtype) = try a.deviceAndDType()
            return LayerNorm(shape, eps: eps, elementwiseAffine: affine, bias: bias, device: device, dtype: dtype)
        },
        Entry("RMSNorm", input: "x") { a in
            let (shape, eps, affine) = (try a.normalizedShape(), try a.optionalDouble("eps"), try a.bool("elementwise_affine", true))
            let (device, dtype) = try a.deviceAndDType()
            return RMSNorm(shape, eps: eps, elementwiseAffine: affine, device: device, dtype: dtype)
        },
        Entry("GroupNorm") { a in
            let (groups, channels, eps) = (try a.int("num_groups"), try a.int("num_channels"), try a.double("eps", 1e-5))
            let affine = try a.bool("affine", true)
            let (bias, device, dtype) = try a.biasAfterDevice()
            return GroupNorm(groups, channels, eps: eps, affine: affine, bias: bias, device: device, dtype: dtype)
        },
        Entry("LocalResponseNorm") { a in
            let (size, alpha) = (try a.int("size"), try a.double("alpha", 1e-4))
            return LocalResponseNorm(size, alpha: alpha, beta: try a.double("beta", 0.75), k: try a.double("k", 1))
        },
        Entry("CrossMapLRN2d") { a in
            let (size, alpha) = (try a.int("size"), try a.number("alpha", .double(1e-4)))
            return CrossMapLRN2d(size, alpha: alpha, beta: try a.number("beta", .double(0.75)), k: try a.number("k", .int(1)))
        },
        batchNorm("BatchNorm1d", BatchNorm1d.init), batchNorm("BatchNorm2d", BatchNorm2d.init), batchNorm("BatchNorm3d", BatchNorm3d.init),
        Entry("SyncBatchNorm") { a in
            let (features, o) = (try a.int("num_features"), try a.batchStatistics(affine: true, hasGroup: true))
            return SyncBatchNorm(
                features, eps: o.eps, momentum: o.momentum, affine: o.affine, trackRunningStats: o.tracks, bias: o.bias, device: o.device, dtype: o.dtype)
        },
        lazyBatchNorm("LazyBatchNorm1d", LazyBatchNorm1d.init), lazyBatchNorm("LazyBatchNorm2d", LazyBatchNorm2d.init),
        lazyBatchNorm("LazyBatchNorm3d", LazyBatchNorm3d.init),
        instanceNorm("InstanceNorm1d", InstanceNorm1d.init), instanceNorm("InstanceNorm2d", InstanceNorm2d.init),
        instanceNorm("InstanceNorm3d", InstanceNorm3d.init),
        lazyInstanceNorm("LazyInstanceNorm1d", LazyInstanceNorm1d.init), lazyInstanceNorm("LazyInstanceNorm2d", LazyInstanceNorm2d.init),
        lazyInstanceNorm("LazyInstanceNorm3d", LazyInstanceNorm3d.init),
    ]

    private static func batchNorm(
        _ name: String, _ make: @escaping @Sendable (Int, Double, Double?, Bool, Bool, Bool, Device, DType) -> BatchNorm
    ) -> Entry {
        Entry(name) { a in
            let (features, o) = (try a.int("num_features"), try a.batchStatistics(affine: true))
            return make(features, o.eps, o.momentum, o.affine, o.tracks, o.bias, o.device, o.dtype)
        }
    }

    private static func lazyBatchNorm(
        _ name: String, _ make: @escaping @Sendable (Double, Double?, Bool, Bool, Bool, Device, DType) -> LazyBatchNorm
    ) -> Entry {
        Entry(name) { a in
            let o = try a.batchStatistics(affine: true)
            return make(o.eps, o.momentum, o.affine, o.tracks, o.bias, o.device, o.dtype)
        }
    }

    private static func instanceNorm(
        _ name: String, _ make: @escaping @Sendable (Int, Double, Double?, Bool, Bool, Bool, Device, DType) -> InstanceNorm
    ) -> Entry {
        Entry(name) { a in
            let (features, o) = (try a.int("num_features"), try a.batchStatistics(affine: false))
            return make(features, o.eps, o.momentum, o.affine, o.tracks, o.bias, o.device, o.dtype)
        }
    }

    private static func lazyInstanceNorm(
        _ name: String, _ make: @escaping @Sendable (Double, Double?, Bool, Bool, Bool, Device, DType) -> LazyInstanceNorm
    ) -> Entry {
        Entry(name) { a in
            let o = try a.batchStatistics(affine: true)
            return make(o.eps, o.momentum, o.affine, o.tracks, o.bias, o.device, o.dtype)
        }
    }
}

extension Arguments {
    /// One integer, or two for each dimension of space, whose number the class's name ends in.
    fileprivate mutating func padding(_ name: String) throws -> Extents {
        let count = 2 * (name.dropLast().last?.wholeNumberValue ?? 0)
        return try read("padding", nil, "an integer or a list of \(count)") { (value: Argument) -> Extents? in
            if let list = value.list, list.count != count { return nil }
            return value.extents
        }
    }

    /// One integer or a list of them.
    fileprivate mutating func normalizedShape() throws -> Shape {
        let extents = try extents("normalized_shape")
        return Shape(extents.values)
    }

    /// `device`, `dtype` and, by name alone, `bias`, which end the constructors of normalisations.
    fileprivate mutating func biasAfterDevice() throws -> (bias: Bool, device: Device, dtype: DType) {
        let (device, dtype) = try deviceAndDType()
        return (try bool("bias", true), device, dtype)
    }

    /// What follows the number of features, with `process_group` where `hasGroup` says so, which nothing has but None.
    fileprivate mutating func batchStatistics(affine: Bool, hasGroup: Bool = false) throws -> (
        eps: Double, momentum: Double?, affine: Bool, tracks: Bool, bias: Bool, device: Device, dtype: DType
    ) {
        let eps = try double("eps", 1e-5)
        let momentum = try read("momentum", Double?.some(0.1), "a number or None") { (value: Argument) -> Double?? in
            if case .none = value { return .some(nil) }
            return value.double.map { .some($0) }
        }
        let (affine, tracks) = (try bool("affine", affine), try bool("track_running_stats", affine))
        if hasGroup, let group = try read("process_group") {
            guard case .none = group else { throw wrong("process_group", group, "None, since there are no processes") }
        }
        let (bias, device, dtype) = try biasAfterDevice()
        return (eps, momentum, affine, tracks, bias, device, dtype)
    }
}
