import CDrivers

/// Convolutions by cuDNN, if it is installed. It is opened at the first convolution.
///
/// Unchecked Sendable: `GPUBackend` calls it under its lock, and the driver is Sendable.
final class CuDNN: GPUConvolutionLibrary, @unchecked Sendable {
    private struct Key: Hashable {
        var direction: GPUConvolution.Direction
        var dtype: DType
        var precision: Float32MatmulPrecision
        var isUnordered: Bool
        var input, weight, output: Shape
        var stride, padding, dilation: [Int]
        var groups: Int
    }

    /// A convolution ready to run: its descriptors, and the algorithms with the memory they need, the fastest last.
    private struct Plan {
        var input: cudnnTensorDescriptor_t
        var weight: cudnnFilterDescriptor_t
        var output: cudnnTensorDescriptor_t
        var convolution: cudnnConvolutionDescriptor_t
        var choices: [cudnnConvolutionFwdAlgoPerf_t]
        /// Whether float32 must be computed in full precision.
        var isExact: Bool
    }

    private let driver: CUDADriver
    private lazy var opened: Result<(functions: apus_cudnn, handle: cudnnHandle_t), OpError> = open()
    /// nil for convolutions that cuDNN does not support.
    private var plans: [Key: Plan?] = [:]
    private static let largestWorkspace = 1 << 30

    init(_ driver: CUDADriver) { self.driver = driver }

    var state: String {
        switch opened {
        case .success(let (functions, _)): "cuDNN \(CUDALibrary.version(functions.cudnnGetVersion()))"
        case .failure(let error): "no cuDNN, convolutions are computed as products: \(error.message)"
        }
    }

    private func open() -> Result<(functions: apus_cudnn, handle: cudnnHandle_t), OpError> {
        let (found, why) = ApusCore.opened(apus_cudnn()) { apus_cudnn_load($0, 9, $1, $2) }
        guard let functions = found else {
            return .failure(OpError("it is not installed (\(why)): \(CUDALibrary.advice("cudnn"))"))
        }
        driver.enter()
        var handle: cudnnHandle_t?
        var status = functions.cudnnCreate(&handle)
        if status == 0 { status = functions.cudnnSetStream(handle, driver.stream) }
        guard status == 0, let handle else { return .failure(OpError("cudnnCreate failed with status \(status)")) }
        return .success((functions, handle))
    }

    func convolution(_ c: GPUConvolution, _ workspace: GPUWorkspace) throws(OpError) -> Bool {
        guard c.input.dtype.isFloatingPoint, c.input.numel > 0, c.weight.numel > 0, c.output.numel > 0,
            case .success(let (dnn, handle)) = opened
        else { return false }
        driver.enter()
        let p = c.parameters
        let key = Key(
            direction: c.direction, dtype: c.input.dtype, precision: c.input.dtype == .float32 ? Device.float32MatmulPrecision : .highest,
            isUnordered: Device.allowsUnorderedSums,
            input: c.input.shape, weight: c.weight.shape, output: c.output.shape, stride: Array(p.stride), padding: Array(p.padding),
            dilation: Array(p.dilation), groups: p.groups)
        let known: Plan?
        if let found = plans[key] {
            known = found
        } else {
            known = plan(key, dnn, handle)
            plans[key] = .some(known)
        }
        guard var plan = known else { return false }
        func place(_ x: Tensor) -> UnsafeMutableRawPointer { x.storage.base + x.offset * x.dtype.size }
        let (x, w, y) = (place(c.input), place(c.weight), place(c.output))
        var (one, zero) = (Factor(1, key.dtype), Factor(0, key.dtype))
        // An algorithm that was offered may still fail; then the next one is tried, and at last the caller's own kernels. If the device is
        // lost, the next call reports it. If there is no memory this throws, since the next algorithm would give other bits.
        while let choice = plan.choices.last {
            let (algorithm, size) = (choice.algo, choice.memory)
            let space = size > 0 ? try workspace(size) : nil
            var status = plan.isExact ? 0 : dnn.cudnnSetConvolutionMathType(plan.convolution, choice.mathType)
            if status == 0 {
                status =
                    switch key.direction {
                    case .forward:
                        dnn.cudnnConvolutionForward(
                            handle, &one, plan.input, x, plan.weight, w, plan.convolution, algorithm, space, size, &zero, plan.output, y)
                    case .backwardInput:
                        dnn.cudnnConvolutionBackwardData(
                            handle, &one, plan.weight, w, plan.output, y, plan.convolution, algorithm, space, size, &zero, plan.input, x)
                    case .backwardWeight:
                        dnn.cudnnConvolutionBackwardFilter(
                            handle, &one, plan.input, x, plan.output, y, plan.convolution, algorithm, space, size, &zero, plan.weight, w)
                    }
            }
            if status == 0 { return true }
            plan.choices.removeLast()
            plans[key] = .some(plan)
        }
        return false
    }

    /// nil if cuDNN has no algorithm.
    private func plan(_ key: Key, _ dnn: apus_cudnn, _ handle: cudnnHandle_t) -> Plan? {
        let type: Int =
            switch key.dtype {
            case .float64: Int(APUS_CUDNN_DOUBLE)
            case .float16: Int(APUS_CUDNN_HALF)
            case .bfloat16: Int(APUS_CUDNN_BFLOAT16)
            default: Int(APUS_CUDNN_FLOAT)
            }
        let sums = key.dtype == .float64 ? Int(APUS_CUDNN_DOUBLE) : Int(APUS_CUDNN_FLOAT)
        // float32 is not rounded to TF32 unless the user allows it.
        let isExact = key.dtype == .float32 && key.precision == .highest
        guard ([key.input, key.weight, key.output].map(\.numel) + key.padding).allSatisfy({ $0 <= Int(CInt.max) }) else { return nil }
        /// Makes one spatial dimension two, the first of extent one, since cuDNN needs at least two.
        func two(_ numbers: [Int], _ filler: CInt) -> [CInt] { (numbers.count == 1 ? [filler] : []) + numbers.map { CInt($0) } }
        func sizes(_ shape: Shape) -> [CInt] { shape.prefix(2).map { CInt($0) } + two(Array(shape.dropFirst(2)), 1) }
        func strides(_ sizes: [CInt]) -> [CInt] { Shape(sizes.map { Int($0) }).contiguousStrides.map { CInt($0) } }
        let (input, weight, output) = (sizes(key.input), sizes(key.weight), sizes(key.output))

        var (x, y): (cudnnTensorDescriptor_t?, cudnnTensorDescriptor_t?)
        var (w, c): (cudnnFilterDescriptor_t?, cudnnConvolutionDescriptor_t?)
        let (rank, spatial) = (CInt(input.count), CInt(input.count - 2))
        let isMade =
            dnn.cudnnCreateTensorDescriptor(&x) == 0 && dnn.cudnnCreateTensorDescriptor(&y) == 0
            && dnn.cudnnCreateFilterDescriptor(&w) == 0 && dnn.cudnnCreateConvolutionDescriptor(&c) == 0
            && dnn.cudnnSetTensorNdDescriptor(x, cudnnDataType_t(type), rank, input, strides(input)) == 0
            && dnn.cudnnSetTensorNdDescriptor(y, cudnnDataType_t(type), rank, output, strides(output)) == 0
            && dnn.cudnnSetFilterNdDescriptor(w, cudnnDataType_t(type), cudnnTensorFormat_t(APUS_CUDNN_TENSOR_NCHW), rank, weight) == 0
            && dnn.cudnnSetConvolutionNdDescriptor(
                c, spatial, two(key.padding, 0), two(key.stride, 1), two(key.dilation, 1),
                cudnnConvolutionMode_t(APUS_CUDNN_CROSS_CORRELATION), cudnnDataType_t(sums)) == 0
            && dnn.cudnnSetConvolutionGroupCount(c, CInt(key.groups)) == 0
            && dnn.cudnnSetConvolutionMathType(c, cudnnMathType_t(isExact ? APUS_CUDNN_FMA_MATH : APUS_CUDNN_DEFAULT_MATH)) == 0
        if isMade, let x, let w, let y, let c {
            let choices = choices(key, x, w, y, c, dnn, handle, isExact: isExact)
            if !choices.isEmpty {
                return Plan(input: x, weight: w, output: y, convolution: c, choices: choices.reversed(), isExact: isExact)
            }
        }
        for descriptor in [x, y] where descriptor != nil { _ = dnn.cudnnDestroyTensorDescriptor(descriptor) }
        if w != nil { _ = dnn.cudnnDestroyFilterDescriptor(w) }
        if c != nil { _ = dnn.cudnnDestroyConvolutionDescriptor(c) }
        return nil
    }

    /// The algorithms that are deterministic (or all, if the user allows it) and need at most `largestWorkspace`, in cuDNN's order of
    /// expected speed.
    private func choices(
        _ key: Key, _ x: cudnnTensorDescriptor_t, _ w: cudnnFilterDescriptor_t, _ y: cudnnTensorDescriptor_t,
        _ c: cudnnConvolutionDescriptor_t,
        _ dnn: apus_cudnn, _ handle: cudnnHandle_t, isExact: Bool
    ) -> [cudnnConvolutionFwdAlgoPerf_t] {
        var count: CInt = 0
        var found = [cudnnConvolutionFwdAlgoPerf_t](repeating: .init(), count: 10)
        let status =
            switch key.direction {
            case .forward: dnn.cudnnGetConvolutionForwardAlgorithm_v7(handle, x, w, c, y, CInt(found.count), &count, &found)
            case .backwardInput: dnn.cudnnGetConvolutionBackwardDataAlgorithm_v7(handle, w, y, c, x, CInt(found.count), &count, &found)
            case .backwardWeight: dnn.cudnnGetConvolutionBackwardFilterAlgorithm_v7(handle, x, y, c, w, CInt(found.count), &count, &found)
            }
        guard status == 0 else { return [] }
        let exact: [Int] = [Int(APUS_CUDNN_DEFAULT_MATH), Int(APUS_CUDNN_FMA_MATH)]
        return found.prefix(Int(count)).filter {
            $0.status == 0 && (key.isUnordered || $0.determinism == APUS_CUDNN_DETERMINISTIC) && $0.memory <= CuDNN.largestWorkspace
                && (!isExact || exact.contains(Int($0.mathType)))
        }
    }
}
