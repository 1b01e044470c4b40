"""What `torch.autograd`, `distributions`, `utils.data` and `utils.checkpoint` have here under another name, and what they have alone, for
`Tests/CoverageTests/coverage`."""
from coverage_names import names, reasons

OTHER = {
    "torch.autograd.Function": ("DifferentiableFunction", "a protocol"),
    "torch.autograd.functional.jacobian": ("Func.jacrev", ""),
    "torch.autograd.backward": ("Tensor.backward([x])", ""),
    "torch.autograd.graph.save_on_cpu": ("saveOnCPU", ""),
    "torch.autograd.set_grad_enabled": ("setGradEnabled", "of a closure"),
    "torch.autograd.grad_mode.set_grad_enabled": ("setGradEnabled", "of a closure"),
    "torch.autograd.graph.register_multi_grad_hook": ("registerMultiGradHook", "`registerAnyGradHook` with `mode=\"any\"`"),
}

_SCOPES = "holds for the code that a closure has: `noGrad`, `enableGrad`, `detectAnomaly`"
_GRAPH = "the graph is not public; `gradFn` says which op made a tensor"
WITHOUT = reasons("torch.autograd torch.autograd.grad_mode", {
    "out of use in PyTorch": "Variable variable NestedIOFunction",
    _SCOPES: "set_detect_anomaly",
    "derivatives are computed on the thread that asks for them": "set_multithreading_enabled",
    "tensors have no memory formats": "enforce_grad_layout_policy",
}) | reasons("torch.autograd.graph torch.autograd.forward_ad", {
    _GRAPH: "Node GradientEdge get_gradient_edge increment_version",
    "compiled programs; nothing is traced here": "region_activation_memory_budget",
    "a device does its work in one order": "set_*stream*",
    "`Func.jvp` and `Func.jacfwd` compute the same, without levels": "*dual*  UnpackedDualTensor",
}) | reasons("torch.utils.data", {
    "pipes of data, which PyTorch no longer extends": "*DataPipe DataChunk argument_validation functional_datapipe guaranteed_datapipes_determinism "
        "non_deterministic "
        "runtime_validation*",
    "converts NumPy's arrays": "default_convert",
    "`DataLoader` fetches ahead on threads; there are no worker processes": "get_worker_info",
}) | reasons("torch.utils.checkpoint", {
    "chooses among the ops of PyTorch's dispatcher": "CheckpointPolicy SelectiveCheckpointContext create_selective_checkpoint_contexts GraphExecGroup",
    "a helper of `checkpoint`": "CheckpointFunction check_backward_validity detach_variable get_device_states set_device_states noop_context_fn "
        "DefaultDeviceType "
        "set_checkpoint_early_stop set_checkpoint_debug_enabled CheckpointError",
})

# Names still to be added. Remove a name from here when adding it.
MISSING = names("torch.autograd.graph", "allow_mutation_on_saved_tensors") \
    | names("torch.distributions", """
        Binomial Cauchy Chi2 ContinuousBernoulli Exponential ExponentialFamily FisherSnedecor GeneralizedPareto Geometric Gumbel HalfCauchy HalfNormal
        Independent InverseGamma Kumaraswamy LKJCholesky Laplace LogNormal LogisticNormal LowRankMultivariateNormal MixtureSameFamily Multinomial
        NegativeBinomial OneHotCategorical OneHotCategoricalStraightThrough Pareto RelaxedBernoulli RelaxedOneHotCategorical StudentT
        TransformedDistribution VonMises Weibull Wishart register_kl
        Transform *Transform biject_to transform_to identity_transform
    """)

# Names of PyTorch's that mean something else here: a picture's transform is torchvision's.
NAMESAKES = {"torch.distributions.Transform"}

CALLS = {
    "manualSeed": "manualSeed(0)",
    "grad": "_ = grad(of: x, withRespectTo: [x])",
    "detectAnomaly": "_ = detectAnomaly { x }",
    "enableGrad": "_ = enableGrad { x }",
    "inferenceMode": "_ = inferenceMode { x }",
    "noGrad": "_ = noGrad { x }",
    "Tensor.backward([x])": "Tensor.backward([x])",
    "checkpoint": "_ = checkpoint(x) { $0 }",
    "checkpointSequential": "_ = checkpointSequential(Sequential(m), 1, x)",
    "disableSavedTensorsHooks": "_ = disableSavedTensorsHooks(\"why\") { x }",
    "Func.hvp": "_ = Func.hvp({ $0.sum() }, x, y)",
    "Func.vhp": "_ = Func.vhp({ $0.sum() }, x, y)",
    "gradcheck": "_ = gradcheck({ $0 }, x)",
    "gradgradcheck": "_ = gradgradcheck({ $0 }, x)",
    "registerMultiGradHook": "_ = registerMultiGradHook([x]) { _ in }",
    "savedTensorsHooks": "_ = savedTensorsHooks({ $0 }, { $0 }) { x }",
    "saveOnCPU": "_ = saveOnCPU { x }",
    "defaultCollate": "_ = try? defaultCollate([x])",
    "randomSplit": "_ = randomSplit(TensorDataset(x), [1])",
    "klDivergence": "_ = klDivergence(Normal(0, 1), Normal(0, 1))",
}

# Types with a type argument, and protocols.
GENERIC = {
    "BatchSampler": "BatchSampler<RandomSampler>", "ChainDataset": "ChainDataset<StreamDataset<Tensor, Tensor>>", "IterableDataset": "(any IterableDataset)",
    "Sampler": "(any Sampler)", "StackDataset": "StackDataset<TensorDataset<Tensor>, TensorDataset<Tensor>>",
    "ConcatDataset": "ConcatDataset<TensorDataset<Tensor>>", "DataLoader": "DataLoader<Tensor>", "Dataset": "(any Dataset)",
    "Subset": "Subset<TensorDataset<Tensor>>",
    "TensorDataset": "TensorDataset<Tensor>", "DifferentiableFunction": "(any DifferentiableFunction)",
}
