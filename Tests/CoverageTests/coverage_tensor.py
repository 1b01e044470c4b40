"""What `torch`, `torch.Tensor`, `linalg`, `fft`, `special` and `signal.windows` have here under another name, and what they have alone, for
`Tests/CoverageTests/coverage`. A name without a line is expected in Swift spelling, as a member of `Tensor`, a free function or one of `F`."""
from coverage_names import OPERATORS, names, reasons

BOTH = "torch torch.Tensor"
DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64"]

# A counterpart that is no plain name is an expression that uses it.
OTHER = {f"torch.Tensor.{name}": (used, "") for name, used in OPERATORS.items()}
OTHER |= {f"torch.{name}": (f"DType.{name}", "") for name in DTYPES}
OTHER |= {f"torch.{name}_like": (f"Tensor.{name}(like: x)", "") for name in ["zeros", "ones", "empty", "rand", "randn"]}
OTHER |= {
    "torch.Tensor.__getitem__": ("x[0]", ""),
    "torch.Tensor.__setitem__": ("x[0] = y", ""),
    "torch.Tensor.__len__": ("x.size(0)", ""),
    "torch.Tensor.__bool__": ("x.item(Bool.self)", ""),
    "torch.Tensor.__int__": ("x.item(Int.self)", ""),
    "torch.Tensor.__index__": ("x.item(Int.self)", ""),
    "torch.Tensor.__float__": ("x.item()", ""),
    "torch.Tensor.__iter__": ("Tensor.unbind", "`for row in x.unbind()`"),
    "torch.Tensor.__contains__": ("(x .== 1).any().item(Bool.self)", ""),
    "torch.Tensor.__reversed__": ("x.flip(0)", ""),
    "torch.Tensor.__abs__": ("Tensor.abs", ""),
    "torch.Tensor.__matmul__": ("Tensor.matmul", "Swift has no operator `@`"),
    "torch.Tensor.__rmatmul__": ("Tensor.matmul", "Swift has no operator `@`"),
    "torch.Tensor.__floordiv__": ("Tensor.floorDivide", ""),
    "torch.Tensor.__rfloordiv__": ("Tensor.floorDivide(1, x)", ""),
    "torch.Tensor.__ifloordiv__": ("Tensor.floorDivide_", ""),
    "torch.Tensor.__rmod__": ("1 % x", ""),
    "torch.Tensor.__ipow__": ("Tensor.pow_", ""),
    "torch.Tensor.__pos__": ("Tensor.positive", ""),
    "torch.Tensor.igamma_": ("Tensor.gammainc_", ""),
    "torch.Tensor.igammac_": ("Tensor.gammaincc_", ""),
    "torch.can_cast": ("DType.canCast(.int64, .float32)", ""),
    "torch.Tensor.__deepcopy__": ("Tensor.clone", ""),
    "torch.Tensor.__repr__": ("Tensor.description", ""),
    "torch.Tensor.data": ("Tensor.detach", "shares the elements, as `data` does"),
    "torch.Tensor.dim": ("Tensor.ndim", ""),
    "torch.Tensor.element_size": ("x.dtype.size", ""),
    "torch.Tensor.itemsize": ("x.dtype.size", ""),
    "torch.Tensor.expand_as": ("x.expand(as: y)", ""),
    "torch.Tensor.indices": ("Tensor.sparseRows", "`.indices`, of whole rows"),
    "torch.Tensor.values": ("Tensor.sparseRows", "`.values`, of whole rows"),
    "torch.Tensor.is_cpu": ("x.device.isCPU", ""),
    "torch.Tensor.is_cuda": ("x.device.isCUDA", ""),
    "torch.Tensor.cpu": ("x.to(.cpu)", ""),
    "torch.Tensor.cuda": ("x.to(.cuda())", ""),
    "torch.Tensor.byte": ("x.to(.uint8)", ""),
    "torch.Tensor.char": ("x.to(.int8)", ""),
    "torch.Tensor.short": ("x.to(.int16)", ""),
    "torch.Tensor.where": ("Tensor.where(x .> 0, x, y)", ""),
    "torch.Tensor.type_as": ("x.to(y.dtype)", ""),
    "torch.Tensor.tolist": ("x.array(Float.self)", "flat, in row-major order"),
    "torch.AcceleratorError": ("OpError", "what `checked` throws"),
    "torch.OutOfMemoryError": ("OpError", "what `checked` throws"),
    "torch.linalg.LinAlgError": ("OpError", "what `checked` throws"),
    "torch.Event": ("DeviceEvent", ""),
    "torch.Size": ("Shape", ""),
    "torch.device": ("Device", ""),
    "torch.dtype": ("DType", ""),
    "torch.inf": ("Double.infinity", ""),
    "torch.nan": ("Double.nan", ""),
    "torch.pi": ("Double.pi", ""),
    "torch.newaxis": ("x[.newAxis]", ""),
    "torch.full_like": ("Tensor.full(like: x, 1)", ""),
    "torch.randint_like": ("Tensor.randint(like: x, 0, 9)", ""),
    "torch.tensor": ("Tensor", "`Tensor([1, 2])`"),
    "torch.as_tensor": ("Tensor", "`Tensor([1, 2])`"),
    "torch.asarray": ("Tensor", "`Tensor([1, 2])`"),
    "torch.scalar_tensor": ("Tensor", "`Tensor(1.0)`"),
    "torch.frombuffer": ("Tensor(bytes: [1], shape: [1], dtype: .uint8)", ""),
    "torch.sparse_coo_tensor": ("Tensor.sparseRows(x, y, shape: [1])", "of whole rows"),
    "torch.kl_div": ("F.klDiv", ""),
    "torch.poisson_nll_loss": ("F.poissonNLLLoss", ""),
    "torch.promote_types": ("DType.promote(.int64, .float32)", ""),
    "torch.default_generator": ("Generator.current", ""),
    "torch.get_rng_state": ("Generator.current.state", ""),
    "torch.set_rng_state": ("Generator.current.state", "can be set"),
    "torch.initial_seed": ("Generator.current.state.seed", ""),
    "torch.seed": ("Generator.current.seed()", ""),
    "torch.set_printoptions": ("PrintOptions.current", "can be set"),
    "torch.get_float32_matmul_precision": ("Device.float32MatmulPrecision", ""),
    "torch.set_float32_matmul_precision": ("Device.float32MatmulPrecision", "can be set"),
    "torch.are_deterministic_algorithms_enabled": ("Device.allowsUnorderedSums", "false unless set: results are the same each time"),
    "torch.use_deterministic_algorithms": ("Device.allowsUnorderedSums", "false unless set: results are the same each time"),
    "torch.is_autocast_enabled": ("autocastDType", "nil outside"),
    "torch.get_autocast_dtype": ("autocastDType", "nil outside"),
    "torch.load": ("StateDict.load(from:at:)", "safetensors"),
    "torch.save": ("StateDict.save(to:metadata:)", "safetensors"),
    "torch.finfo": ("finfo", ""),
    "torch.iinfo": ("iinfo", ""),
    "torch.set_grad_enabled": ("setGradEnabled", "of a closure"),
    "torch.special.expit": ("Tensor.sigmoid", ""),
    "torch.special.gammaln": ("Tensor.lgamma", ""),
    "torch.special.psi": ("Tensor.digamma", ""),
}
for name, counterpart in {
    "is_floating_point": "x.dtype.isFloatingPoint", "is_signed": "x.dtype.isSigned", "is_nonzero": "x.item(Bool.self)",
    "is_same_size": "x.shape == y.shape", "igamma": "Tensor.gammainc", "igammac": "Tensor.gammaincc",
    "prelu": "F.prelu", "bitwise_and": "x & y", "bitwise_or": "x | y", "bitwise_xor": "x ^ y", "bitwise_not": "~x", "bitwise_left_shift": "x << y",
    "bitwise_right_shift": "x >> y",
}.items():
    OTHER |= {full: (counterpart, "") for full in names(BOTH, name)}
for name, sign in {"and": "&", "or": "|", "xor": "^", "left_shift": "<<", "right_shift": ">>"}.items():
    OTHER[f"torch.Tensor.bitwise_{name}_"] = (f"x {sign}= y", "")

# Another name for each of these, in the same or in a newer namespace; changes in place go with them.
_aliases = {
    "absolute": "abs", "arccos": "acos", "arccosh": "acosh", "arcsin": "asin", "arcsinh": "asinh", "arctan": "atan", "arctanh": "atanh", "arctan2": "atan2",
    "clip": "clamp", "concat": "cat", "concatenate": "cat", "divide": "div", "true_divide": "div", "fix": "trunc", "ger": "outer", "greater": "gt",
    "greater_equal": "ge", "less": "lt", "less_equal": "le", "not_equal": "ne", "multiply": "mul", "negative": "neg", "subtract": "sub",
    "moveaxis": "movedim", "swapaxes": "transpose", "swapdims": "transpose", "row_stack": "vstack", "trapz": "trapezoid", "broadcast_to": "expand",
    "nelement": "numel", "ndimension": "ndim", "view_as": "view", "reshape_as": "reshape", "range": "arange", "split_with_sizes": "split", "rsub": "sub",
    "chain_matmul": "linalg.multi_dot", "orgqr": "linalg.householder_product", "qr": "linalg.qr",
    "svd": "linalg.svd", "lu": "linalg.lu_factor", "lu_solve": "linalg.lu_solve", "triangular_solve": "linalg.solve_triangular",
    "eig": "linalg.eig", "symeig": "linalg.eigh", "solve": "linalg.solve", "lstsq": "linalg.lstsq", "matrix_rank": "linalg.matrix_rank",
    "frobenius_norm": "linalg.matrix_norm", "nuclear_norm": "linalg.matrix_norm", "mvlgamma": "special.multigammaln",
    "get_device": "device", "type": "dtype",
}
_JIT = "compiled and exported programs; nothing is traced here"
_DEVICES = "a device that Apus does not have"
_COMPLEX = "complex numbers, which are to come"
_STORAGE = "storage and its layout are not public"
_SCOPES = "holds for the code that a closure has: `noGrad`, `enableGrad`, `inferenceMode`, `autocast`, `detectAnomaly`"
_CALLED = "what functions of `torch.nn.functional` and layers call"
WITHOUT = {full: f"another name of `{target}{full[full.rindex('.') + 1 + len(alias):]}`"
           for alias, target in _aliases.items() for full in names(BOTH, alias + "*") if full.rsplit(".")[-1] in (alias, alias + "_")}
WITHOUT |= reasons(BOTH, {
    _COMPLEX: "complex complex* cdouble cfloat chalf conj* resolve_conj resolve_neg is_conj is_neg is_complex isreal real imag angle polar sgn sgn_ "
              "adjoint H mH view_as_real view_as_complex stft istft __complex__",
    "sparse layouts; gradients of embeddings have whole rows": "sparse_b* sparse_coo sparse_csc* sparse_csr* sparse_compressed_tensor c*_indices "
        "row_indices sparse_dim "
        "dense_dim sparse_mask sparse_resize* to_sparse* is_sparse_csr is_coalesced resize_as_sparse_ sspaddmm smm saddmm spmm dsmm hsmm hspmm "
        "to_padded_tensor is_nested jagged",
    "integers that are scaled to stand for reals; Apus has no such types": "q_* qint* quint* qscheme quantize* quantized_* dequantize int_repr is_quantized "
        "fake_quantize* fbgemm_* fused_moving_avg* choose_qparams* empty_quantized per_channel_* per_tensor_* Q*Storage",
    "numbers of other widths; Apus has no such types": "bits* bit int1 int[2-7] uint[1-7] uint16 uint32 uint64 float4* float8*",
    "libraries beneath the functions, which nobody calls by name": "cudnn_* miopen_* mkldnn_* to_mkldnn is_mkldnn batch_norm_* native_* norm_except_dim "
        "has_lapack has_mkl has_openmp has_spectral compiled_with_cxx11_abi USE_* profiler_allow_* thread_safe_generator init_num_threads",
    _CALLED: "affine_grid_generator grid_sampler* constant_pad_nd convolution embedding_renorm_ feature_dropout "
        "lstm gru rnn_tanh rnn_relu lstm_cell gru_cell rnn_*_cell",
    "the function without `_` is there; results are new tensors": "dropout_ alpha_dropout_ feature_alpha_dropout_ feature_dropout_",
    "LAPACK's packed form of `linalg.qr`": "geqrf ormqr",
    "a copy of a view: `clone()` of it": "alias_copy as_strided_copy *_indices_copy indices_copy detach_copy diagonal_copy expand_copy narrow_copy "
        "permute_copy "
        "select_copy slice_copy split_copy split_with_sizes_copy squeeze_copy t_copy transpose_copy unbind_copy unfold_copy unsqueeze_copy values_copy "
        "view_as_complex_copy view_as_real_copy view_copy",
    "`chunk` and `split` without a check of PyTorch's": "unsafe_*",
    "views that graphs for compilers take apart": "slice_inverse",
    _JIT: "AggregationType AliasDb AnyType Argument ArgumentSpec AwaitType Benchmark* Block BoolType BufferDict CallStack Capsule ClassType Code "
        "CompilationUnit CompleteArgumentSpec ComplexType ConcreteModuleType* DeepCopyMemoTable Dese* DeviceObjType DictType EnumType ErrorReport "
        "ExecutionPlan FatalError FileCheck FloatType FunctionSchema Future FutureType Gradient Graph GraphExecutorState IODescriptor InferredType "
        "IntType InterfaceType JITException ListType LiteScriptModule LockingLogger LoggerBase ModuleDict Node NoneType NoopLogger NumberType "
        "OperatorInfo OptionalType ParameterDict PyObjectType PyTorchFile* RRefType Script* SerializationStorageContext StaticModule StreamObjType "
        "StringType SymBoolType SymIntType TensorType ThroughputBenchmark TracingState TupleType Type UnionType Use Value AVG SUM Tag cond while_loop "
        "compile fork wait import_ir_module* merge_type_from_type_comment parse_* unify_type_list nonzero_static",
    "sizes that are not known yet, for compilers; sizes are numbers here": "SymBool SymFloat SymInt sym_*",
    "hooks into PyTorch's dispatcher": "DispatchKey* ExcludeDispatchKeyGuard DisableTorchFunction*",
    "a helper of PyTorch's Python side": "TYPE_CHECKING PRIVATE_OPS classproperty get_file_path prepare_multiprocessing_environment typename is_tensor "
        "is_storage "
        "as_subclass module_load name output_nr get_device_module",
    "a tensor keeps its shape: `x = x.t()`": "as_strided_ squeeze_ t_ transpose_ unsqueeze_",
    "a gradient has its tensor's dtype": "grad_dtype",
    _STORAGE: "Storage StorageBase TypedStorage UntypedStorage BFloat16Storage [BCDFHILS]*[a-z]Storage storage storage_offset storage_type "
        "untyped_storage data_ptr const_data_ptr "
        "set_ is_set_to resize resize_ resize_as resize_as_ from_file share_memory_ is_shared dim_order empty_permuted empty_strided new_empty_strided",
    "tensors have no memory formats": "memory_format channels_last channels_last_3d *contiguous_format preserve_format layout strided",
    "an old name of tensors of one dtype": "*[a-z]Tensor BFloat16Tensor",
    "out of use in PyTorch": "volatile reinforce new index is_distributed set_default_tensor_type",
    "arrays of NumPy and other frameworks": "numpy from_numpy from_dlpack to_dlpack",
    _DEVICES: "ipu mtia xpu is_ipu is_maia is_meta is_mps is_mtia is_vulkan is_vulkan_available is_xla is_xpu",
    "a device does its work in one order": "Stream record_stream",
    "`DataLoader.to(device)` fetches ahead; a copy to a device never waits": "pin_memory is_pinned",
    "a Python function for each element; `array` gives the numbers": "apply_ map_ map2_",
    _SCOPES: "set_anomaly_enabled is_anomaly_enabled is_anomaly_check_nan_enabled is_inference is_inference_mode_enabled set_autocast_* "
        "autocast_*crement_nesting clear_autocast_cache is_autocast_cache_enabled",
    "an old name of `is_autocast_enabled` or `get_autocast_dtype`": "is_autocast_cpu_enabled is_autocast_ipu_enabled is_autocast_xla_enabled "
        "get_autocast_[cgix]*",
    "there is no hidden default: `dtype:` and `device:` say it": "set_default_dtype get_default_dtype set_default_device get_default_device",
    "the variable `APUS_THREADS` says it before the program begins": "get_num_threads set_num_threads get_num_interop_threads set_num_interop_threads",
    "nothing warns here": "set_warn_always is_warn_always_enabled *deterministic_debug_mode is_deterministic_algorithms_warn_only_enabled",
    "the processor's mode is left as it is": "set_flush_denormal",
    "Swift's own: `exp(1.0)`": "e",
    "`x.copy_(x.multigammaln(p))`": "mvlgamma_",
})
WITHOUT |= reasons("torch.linalg torch.fft", {
    _COMPLEX: "eig eigvals fft fft2 fftn ifft ifft2 ifftn rfft rfft2 rfftn irfft irfft2 irfftn hfft ihfft",
})
WITHOUT |= reasons("torch", {"another name of a dtype; here they have their width in it": "float double half short int long"})

# Names still to be added. Remove a name from here when adding it.
MISSING = set()

# Calls whose arguments cannot be guessed from the declaration.
CALLS = {
    **{f"DType.{name}": f"_ = DType.{name}" for name in DTYPES},
    **{name: f"_ = {name}" for name in ["Double.infinity", "Double.nan", "Double.pi", "Generator.current.state", "Generator.current.state.seed"]},
    "Tensor.clamp": "_ = x.clamp(min: 0)",
    "Tensor.clamp_": "_ = x.clamp_(min: 0)",
    "Tensor.newTensor": "_ = x.newTensor([1])",
    "Tensor.broadcastShapes": "_ = Tensor.broadcastShapes([1], [2, 1])",
    "Tensor.indexPut": "_ = x.indexPut([x, nil], x)",
    "Tensor.indexPut_": "_ = x.indexPut_([x, nil], x)",
    "SignalWindows.generalCosine": "_ = SignalWindows.generalCosine(1, [0.5])",
    "Tensor.segmentReduce": "_ = Tensor.segmentReduce(x, .sum, lengths: y)",
    "finfo": "_ = finfo(.float32)",
    "iinfo": "_ = iinfo(.int32)",
    "setGradEnabled": "setGradEnabled(true) {}",
    "Linalg.diagonal": "_ = Linalg.diagonal(x)",
    "Tensor.registerHook": "x.registerHook { $0 }",
    "Tensor.registerPostAccumulateGradHook": "x.registerPostAccumulateGradHook { _ in }",
}
