import CKernels

// Contiguous operands use the flat forms, which need no tensor descriptions: for few elements these would dominate the cost.

extension CPUBackend {
    package func unary(_ kind: UnaryKind, _ x: Tensor, _ p: KernelParameters, into out: Tensor) {
        if x.isContiguous {
            apus_unary_flat(kind, x.dtype.code, x.count64, x.pointer, p.forC, out.pointer)
        } else {
            x.withView { x in out.withView { out in apus_unary(kind, x, p.forC, out) } }
        }
    }

    package func binary(_ kind: BinaryKind, _ a: Tensor, _ b: Tensor, _ p: KernelParameters, into out: Tensor) {
        if a.isContiguous && b.isContiguous {
            apus_binary_flat(kind, a.dtype.code, a.count64, a.pointer, b.pointer, p.forC, out.pointer)
        } else {
            a.withView { a in b.withView { b in out.withView { out in apus_binary(kind, a, b, p.forC, out) } } }
        }
    }

    package func compare(_ kind: CompareKind, _ a: Tensor, _ b: Tensor, into out: Tensor) {
        if a.isContiguous && b.isContiguous {
            apus_compare_flat(kind, a.dtype.code, a.count64, a.pointer, b.pointer, out.pointer)
        } else {
            a.withView { a in b.withView { b in out.withView { out in apus_compare(kind, a, b, out) } } }
        }
    }

    package func select(_ condition: Tensor, _ a: Tensor, _ b: Tensor, into out: Tensor) {
        condition.withView { condition in
            a.withView { a in b.withView { b in out.withView { out in apus_select(condition, a, b, out) } } }
        }
    }

    package func copy(_ x: Tensor, into out: Tensor) {
        if x.isContiguous && out.isContiguous {
            apus_copy_flat(x.dtype.code, out.dtype.code, x.count64, x.pointer, out.pointer)
        } else {
            x.withView { x in out.withView { out in apus_copy(x, out) } }
        }
    }

    package func fill(_ out: Tensor, with value: Scalar) {
        // One element of out's dtype, in the first of these eight bytes.
        var element: UInt64 = 0
        withUnsafeMutableBytes(of: &element) { bytes in
            func store<T>(_ value: T) { bytes.storeBytes(of: value, as: T.self) }
            switch out.dtype {
            case .bool: store(UInt8(value.doubleValue != 0 ? 1 : 0))
            case .uint8: store(UInt8(truncatingIfNeeded: value.integer(in: .uint8)))
            case .int8: store(Int8(truncatingIfNeeded: value.integer(in: .int8)))
            case .int16: store(Int16(truncatingIfNeeded: value.integer(in: .int16)))
            case .int32: store(Int32(truncatingIfNeeded: value.integer(in: .int32)))
            case .int64: store(value.int64Value)
            case .float16: store(Float16(Float(value.doubleValue)))
            case .bfloat16: store(BFloat16(Float(value.doubleValue)).bitPattern)
            case .float32: store(Float(value.doubleValue))
            case .float64: store(value.doubleValue)
            }
        }
        out.withView { out in apus_fill(out, &element) }
    }

    package func frexp(_ x: Tensor, mantissa: Tensor, exponent: Tensor) {
        apus_frexp(x.dtype.code, x.count64, x.pointer, mantissa.pointer, exponent.elements())
    }
}
