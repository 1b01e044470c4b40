import ApusCore

/// The base class of the padding layers: the number of elements before and after each spatial dimension, last dimension first. Classes
/// without a number in their names have one spatial dimension for two numbers of `padding`.
open class PaddingLayer: Module {
    /// `[left, right]`, then `[top, bottom]`, then `[front, back]`, as far as there are dimensions.
    public final let padding: [Int]

    /// The number of spatial dimensions.
    public final let spatial: Int
    /// The number of spatial dimensions of the class; nil for this one, where `padding` tells it.
    class var dimensions: Int? { nil }

    init(_ padding: any ExtentsConvertible, _: Void) {
        let given = padding._extents.values.count
        let spatial = spatialDimensions(of: Self.self, Self.dimensions, told: given == 1 ? 1 : given / 2, "padding")
        self.spatial = spatial
        do throws(OpError) {
            self.padding = try padding._extents.spread(2 * spatial, "padding")
        } catch {
            fail(error, op: "\(Self.self)")
            self.padding = Array(repeating: 0, count: 2 * spatial)
        }
        super.init()
    }

    open override var extraRepr: String { shown(PaddingLayer.signature(spatial: spatial).declared) }

    static func signature(spatial: Int) -> Signature<any ExtentsConvertible> {
        Signature(.edges("padding", spatial: spatial).shownAsValue)
    }

    final func pad(_ x: Tensor, _ mode: PadMode, value: Double = 0, checksRank: Bool = true) -> Tensor {
        composite(typeName, x) { () throws(OpError) in
            let n = spatial
            guard !checksRank || x.ndim == n + 1 || x.ndim == n + 2 else {
                throw OpError("expects an input with \(n + 1) or \(n + 2) dimensions, this one has shape \(x.shape)")
            }
            return F.pad(x, padding, mode: mode, value: value)
        }
    }
}

// MARK: Constant

/// The base class of ConstantPad1d, ConstantPad2d and ConstantPad3d: surrounds the input with `value`.
open class ConstantPad: PaddingLayer {
    /// The value of the padding.
    public final let value: Scalar

    /// `padding` on every side, or `[left, right]`, `[left, right, top, bottom]` and so on; negative numbers crop.
    public init(_ padding: any ExtentsConvertible, _ value: some ScalarConvertible) {
        self.value = value._scalar
        super.init(padding, ())
    }
    open override func forward(_ x: Tensor) -> Tensor { pad(x, .constant, value: value.doubleValue, checksRank: false) }
    open override var extraRepr: String { shown(ConstantPad.valuedSignature(spatial: spatial).declared) }

    static func valuedSignature(spatial: Int) -> Signature<any ExtentsConvertible, Scalar> {
        Signature(.edges("padding", spatial: spatial).shown, .number("value").shown)
    }
}
/// A constant around the last dimension. PyTorch: `nn.ConstantPad1d`.
public final class ConstantPad1d: ConstantPad, DeclaredModule {
    override class var dimensions: Int? { 1 }
    static let arguments = valuedSignature(spatial: 1).makes { ConstantPad1d($0, $1) }
}
/// A constant around the last two dimensions. PyTorch: `nn.ConstantPad2d`.
public final class ConstantPad2d: ConstantPad, DeclaredModule {
    override class var dimensions: Int? { 2 }
    static let arguments = valuedSignature(spatial: 2).makes { ConstantPad2d($0, $1) }
}
/// A constant around the last three dimensions. PyTorch: `nn.ConstantPad3d`.
public final class ConstantPad3d: ConstantPad, DeclaredModule {
    override class var dimensions: Int? { 3 }
    static let arguments = valuedSignature(spatial: 3).makes { ConstantPad3d($0, $1) }
}

// MARK: Zeros

/// The base class of ZeroPad1d, ZeroPad2d and ZeroPad3d: surrounds the input with zeros.
open class ZeroPad: PaddingLayer {
    /// `padding` on every side, or `[left, right]`, `[left, right, top, bottom]` and so on; negative numbers crop.
    public init(_ padding: any ExtentsConvertible) { super.init(padding, ()) }
    open override func forward(_ x: Tensor) -> Tensor { pad(x, .constant, checksRank: false) }
}
/// Zeros around the last dimension. PyTorch: `nn.ZeroPad1d`.
public final class ZeroPad1d: ZeroPad, DeclaredModule {
    override class var dimensions: Int? { 1 }
    static let arguments = signature(spatial: 1).makes(ZeroPad1d.init)
}
/// Zeros around the last two dimensions. PyTorch: `nn.ZeroPad2d`.
public final class ZeroPad2d: ZeroPad, DeclaredModule {
    override class var dimensions: Int? { 2 }
    static let arguments = signature(spatial: 2).makes(ZeroPad2d.init)
}
/// Zeros around the last three dimensions. PyTorch: `nn.ZeroPad3d`.
public final class ZeroPad3d: ZeroPad, DeclaredModule {
    override class var dimensions: Int? { 3 }
    static let arguments = signature(spatial: 3).makes(ZeroPad3d.init)
}

// MARK: Reflection

/// The base class of ReflectionPad1d, ReflectionPad2d and ReflectionPad3d: mirrors the input at its edges, without repeating them.
open class ReflectionPad: PaddingLayer {
    /// `padding` on every side, or `[left, right]`, `[left, right, top, bottom]` and so on; less than the extents.
    public init(_ padding: any ExtentsConvertible) { super.init(padding, ()) }
    open override func forward(_ x: Tensor) -> Tensor { pad(x, .reflect) }
}
/// Mirrors the last dimension of [N, C, L] or [C, L]. PyTorch: `nn.ReflectionPad1d`.
public final class ReflectionPad1d: ReflectionPad, DeclaredModule {
    override class var dimensions: Int? { 1 }
    static let arguments = signature(spatial: 1).makes(ReflectionPad1d.init)
}
/// Mirrors images [N, C, H, W] or [C, H, W]. PyTorch: `nn.ReflectionPad2d`.
public final class ReflectionPad2d: ReflectionPad, DeclaredModule {
    override class var dimensions: Int? { 2 }
    static let arguments = signature(spatial: 2).makes(ReflectionPad2d.init)
}
/// Mirrors volumes [N, C, D, H, W] or [C, D, H, W]. PyTorch: `nn.ReflectionPad3d`.
public final class ReflectionPad3d: ReflectionPad, DeclaredModule {
    override class var dimensions: Int? { 3 }
    static let arguments = signature(spatial: 3).makes(ReflectionPad3d.init)
}

// MARK: Replication

/// The base class of ReplicationPad1d, ReplicationPad2d and ReplicationPad3d: repeats the elements at the edge.
open class ReplicationPad: PaddingLayer {
    /// `padding` on every side, or `[left, right]`, `[left, right, top, bottom]` and so on.
    public init(_ padding: any ExtentsConvertible) { super.init(padding, ()) }
    open override func forward(_ x: Tensor) -> Tensor { pad(x, .replicate) }
}
/// Repeats the ends of [N, C, L] or [C, L]. PyTorch: `nn.ReplicationPad1d`.
public final class ReplicationPad1d: ReplicationPad, DeclaredModule {
    override class var dimensions: Int? { 1 }
    static let arguments = signature(spatial: 1).makes(ReplicationPad1d.init)
}
/// Repeats the edges of images [N, C, H, W] or [C, H, W]. PyTorch: `nn.ReplicationPad2d`.
public final class ReplicationPad2d: ReplicationPad, DeclaredModule {
    override class var dimensions: Int? { 2 }
    static let arguments = signature(spatial: 2).makes(ReplicationPad2d.init)
}
/// Repeats the faces of volumes [N, C, D, H, W] or [C, D, H, W]. PyTorch: `nn.ReplicationPad3d`.
public final class ReplicationPad3d: ReplicationPad, DeclaredModule {
    override class var dimensions: Int? { 3 }
    static let arguments = signature(spatial: 3).makes(ReplicationPad3d.init)
}

// MARK: Wrapping around

/// The base class of CircularPad1d, CircularPad2d and CircularPad3d: pads with the elements from the opposite side.
open class CircularPad: PaddingLayer {
    /// `padding` on every side, or `[left, right]`, `[left, right, top, bottom]` and so on; at most the extents.
    public init(_ padding: any ExtentsConvertible) { super.init(padding, ()) }
    open override func forward(_ x: Tensor) -> Tensor { pad(x, .circular) }
}
/// Wraps the last dimension of [N, C, L] or [C, L]. PyTorch: `nn.CircularPad1d`.
public final class CircularPad1d: CircularPad, DeclaredModule {
    override class var dimensions: Int? { 1 }
    static let arguments = signature(spatial: 1).makes(CircularPad1d.init)
}
/// Wraps images [N, C, H, W] or [C, H, W]. PyTorch: `nn.CircularPad2d`.
public final class CircularPad2d: CircularPad, DeclaredModule {
    override class var dimensions: Int? { 2 }
    static let arguments = signature(spatial: 2).makes(CircularPad2d.init)
}
/// Wraps volumes [N, C, D, H, W] or [C, D, H, W]. PyTorch: `nn.CircularPad3d`.
public final class CircularPad3d: CircularPad, DeclaredModule {
    override class var dimensions: Int? { 3 }
    static let arguments = signature(spatial: 3).makes(CircularPad3d.init)
}
