"""What the namespaces of networks and training (`torch.nn`, `optim`, `amp`, `func`) have here under another name, and what they have alone, for
`Tests/CoverageTests/coverage`."""
from coverage_names import camel

# PyTorch's name, the name in Apus, and a remark.
OTHER = {
    "torch.nn.TransformerEncoder": (
        "TransformerEncoder", "padded positions are computed like others; PyTorch's evaluation without gradients leaves zeros there"),
    "torch.nn.CrossMapLRN2d": ("CrossMapLRN2d", "with PyTorch's gradient, which is not that of its formula"),
    "torch.nn.EmbeddingBag": (
        "EmbeddingBag", "`scaleGradByFreq` divides by a row's own frequency, as documented; PyTorch's kernel for the processor takes another row's"),
    "torch.nn.functional.embedding_bag": ("F.embeddingBag", "`scaleGradByFreq` as in `EmbeddingBag`"),
    "torch.nn.RNNBase": ("Recurrent", ""),
    "torch.nn.RNNCellBase": ("RecurrentCell", ""),
    "torch.nn.functional.native_channel_shuffle": ("F.channelShuffle", ""),
    "torch.nn.functional.upsample": ("F.interpolate", "PyTorch's deprecated name"),
    "torch.nn.functional.upsample_bilinear": ("F.interpolate", "PyTorch's deprecated name"),
    "torch.nn.functional.upsample_nearest": ("F.interpolate", "PyTorch's deprecated name"),
    "torch.nn.functional.kl_div": ("F.klDiv", ""),
    "torch.nn.functional.poisson_nll_loss": ("F.poissonNLLLoss", ""),
    "torch.nn.functional.gaussian_nll_loss": ("F.gaussianNLLLoss", ""),
    "torch.nn.utils.get_total_norm": ("totalNorm", ""),
    "torch.nn.utils.clip_grad_norm": ("clipGradNorm_", "PyTorch's deprecated name"),
    "torch.nn.utils.fuse_conv_bn_eval": ("fuseConvBNEval", ""),
    "torch.nn.utils.fuse_conv_bn_weights": ("fuseConvBNWeights", ""),
    "torch.nn.utils.fuse_linear_bn_eval": ("fuseLinearBNEval", ""),
    "torch.nn.utils.fuse_linear_bn_weights": ("fuseLinearBNWeights", ""),
    "torch.nn.utils.parametrize.cached": ("cachedParametrizations", ""),
    "torch.nn.utils.prune.BasePruningMethod": ("PruningMethod", "a protocol"),
    "torch.nn.utils.stateless.functional_call": ("Module.functionalCall", ""),
    "torch.func.functional_call": ("Module.functionalCall", ""),
    "torch.func.stack_module_state": ("stackModuleState", ""),
    "torch.optim.swa_utils.update_bn": ("updateBN", ""),
    "torch.optim.swa_utils.get_swa_avg_fn": ("AveragedModel.Average", "`.mean`"),
    "torch.optim.swa_utils.get_swa_multi_avg_fn": ("AveragedModel.Average", "`.mean`"),
    "torch.optim.swa_utils.get_ema_avg_fn": ("AveragedModel.Average", "`.exponential(decay:)`"),
    "torch.optim.swa_utils.get_ema_multi_avg_fn": ("AveragedModel.Average", "`.exponential(decay:)`"),
}
for name in ["uniform", "normal", "constant", "eye", "dirac", "xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal", "orthogonal", "sparse"]:
    OTHER["torch.nn.init." + name] = ("Init." + camel(name) + "_", "PyTorch's deprecated name")

PYTHON = "a helper of PyTorch's Python side"
LOW = "products of scaled low-precision numbers; Apus has no such types"
WITHOUT = {
    "torch.amp.custom_fwd": "the derivative of a `DifferentiableFunction` runs in the scope of its forward",
    "torch.amp.custom_bwd": "the derivative of a `DifferentiableFunction` runs in the scope of its forward",
    "torch.amp.is_autocast_available": "every device has it",
    "torch.func.functionalize": "takes changes in place out of a traced function; nothing is traced here",
    "torch.func.rearrange": "einops' notation; `reshape` and `permute`, or `Tensor.einsum`, say the same",
    "torch.func.replace_all_batch_norm_modules_": "changes in place of running statistics work inside `Func.vmap`, which is a loop",
    "torch.optim.swap_in_optimizer_params_and_state": "runs an optimizer on other tensors for a while; make a second one of those and load the state into it",
    "torch.nn.Container": "a deprecated helper class",
    "torch.nn.DataParallel": "for several accelerators in one process",
    "torch.nn.NLLLoss2d": "a deprecated name of `NLLLoss`",
    "torch.nn.LinearCrossEntropyOptions": "chooses how a computation is cut into chunks; there is one way here",
    "torch.nn.UninitializedParameter": "lazy layers hold an empty `Parameter` until their first input",
    "torch.nn.UninitializedBuffer": "lazy layers hold an empty `Buffer` until their first input",
    "torch.nn.factory_kwargs": PYTHON,
    "torch.nn.functional.assert_int_or_pair": PYTHON,
    "torch.nn.functional.boolean_dispatch": PYTHON,
    "torch.nn.functional.handle_torch_function": PYTHON,
    "torch.nn.functional.has_torch_function": PYTHON,
    "torch.nn.functional.has_torch_function_unary": PYTHON,
    "torch.nn.functional.has_torch_function_variadic": PYTHON,
    "torch.nn.functional.grouped_mm": LOW,
    "torch.nn.functional.scaled_mm": LOW,
    "torch.nn.functional.scaled_grouped_mm": LOW,
    "torch.nn.functional.ScalingType": LOW,
    "torch.nn.functional.SwizzleType": LOW,
    "torch.nn.utils.convert_conv2d_weight_memory_format": "tensors have no memory formats",
    "torch.nn.utils.convert_conv3d_weight_memory_format": "tensors have no memory formats",
    "torch.nn.utils.parametrize.type_before_parametrizations": "a module's type does not change: `type(of: module)`",
    "torch.nn.utils.prune.PruningContainer": "the mask holds what was pruned so far; `Prune.apply` adds to it",
    "torch.func.debug_unwrap": PYTHON,
}

# Names still to be added. Remove a name from here when adding it.
MISSING = set()

# Calls whose arguments cannot be guessed from the declaration.
CALLS = {
    "Module.functionalCall": "_ = m.functionalCall(StateDict(), x)",
    "stackModuleState": "_ = stackModuleState([m])",
    "Func.jvp": "_ = Func.jvp({ (y: Tensor) in y }, x, x)",
    **{f"Func.{name}": f"_ = Func.{name}({{ (y: Tensor) in y }}, x)" for name in ["vjp", "linearize"]},
    **{f"Func.{name}": f"_ = Func.{name} {{ (y: Tensor) in y }}" for name in ["grad", "gradAndValue", "jacrev", "jacfwd", "hessian", "vmap"]},
    "Prune.globalUnstructured": "Prune.globalUnstructured([(m, \"weight\")], Prune.Identity())",
    "autocast": "_ = autocast(.bfloat16) { x }",
    "updateBN": "updateBN([x], m)",
    "skipInit": "_ = skipInit { Linear(1, 1) }",
    "cachedParametrizations": "_ = cachedParametrizations { x }",
}

# Generic types, with a type argument.
GENERIC = {"AveragedModel": "AveragedModel<Linear>", "AveragedModel.Average": "AveragedModel<Linear>.Average"}

