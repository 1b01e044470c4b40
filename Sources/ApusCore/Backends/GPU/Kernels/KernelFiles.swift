import CDeviceKernels

/// The files of `CDeviceKernels/kernels`, each preceded by the files it needs.
extension KernelDialect {
    // The headers per language, and what every kernel may use.
    static let openCL = file(apus_cl_opencl())
    static let cuda = file(apus_cl_cuda())
    static let types = file(apus_cl_types())
    static let float64 = file(apus_cl_float64())

    // The functions that the tables of pointwise functions call.
    static let expressions = file(apus_cl_expressions())
    static let integerFunctions = file(apus_cl_integers())
    static let ownFunctions = file(apus_cl_elementary())
    static let anyFunctions = file(apus_cl_any())
    static let plainFunctions = file(apus_cl_plain())
    static let exactFunctions = file(apus_cl_exact())
    static let pairFunctions = file(apus_cl_pairs())
    static let specialFunctions = file(apus_cl_special()) + file(apus_cl_gamma()) + file(apus_cl_wide())

    private static let groupSum = file(apus_cl_group_sum())
    private static let indexReport = file(apus_cl_index_report())
    private static let arithmetic = file(apus_cl_arithmetic())
    private static let compensatedSum = file(apus_cl_compensated_sum())
    /// Index spaces (`StridedSpace`).
    static let space = "#define MAXIMUM_RANK \(StridedSpace.maximumRank)\n" + file(apus_cl_space())

    private static let reduction = arithmetic + compensatedSum + file(apus_cl_reduction())
    static let reduceRows = reduction + space + file(apus_cl_reduce_rows())
    static let reduceColumns = reduction + space + file(apus_cl_reduce_columns())
    static let argReduce = space + file(apus_cl_arg_reduce())
    static let scan = reduction + space + file(apus_cl_scan())
    static let linearScan = file(apus_cl_linear_scan())
    static let sort = space + file(apus_cl_sort())

    static let product = arithmetic + file(apus_cl_product())
    static let windows = file(apus_cl_windows())
    static let pooling = arithmetic + compensatedSum + file(apus_cl_pooling())

    static let indexSelect = indexReport + space + file(apus_cl_index_select())
    static let indexAdd = indexReport + arithmetic + compensatedSum + space + file(apus_cl_index_add())
    static let gather = indexReport + space + file(apus_cl_gather())
    static let scatter = indexReport + arithmetic + compensatedSum + space + file(apus_cl_scatter())
    static let nonzero = file(apus_cl_nonzero())
    static let frexp = file(apus_cl_frexp())
    static let random = file(apus_cl_random())

    static let softmax = groupSum + file(apus_cl_softmax())
    static let normalization = groupSum + compensatedSum + file(apus_cl_normalization())
    static let recurrent = file(apus_cl_recurrent())
    static let optimizer = file(apus_cl_optimizer()) + file(apus_cl_optimizer_rules())

    private static func file(_ text: UnsafePointer<CChar>) -> String { String(cString: text) }
}
