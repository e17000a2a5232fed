"""Which pull requests mergekit could have of us, and which of our methods need none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from mergekit_ext.methods.dare_linear import DARE_LINEAR
from mergekit_ext.methods.dare_ties import DARE_TIES
from mergekit_ext.methods.layer_swap import LAYER_SWAP
from mergekit_ext.methods.method import Method
from mergekit_ext.methods.parameters import LAYERS, REQUIRED


@dataclass(frozen=True)
class PullRequest:
    """One pull request: a folder of files for mergekit's tree.

    Args:
        name: The folder's, of what is exported and of what it is made from in
            ``pieces/``; a method's file has it too.
        methods: The methods that it adds, as mergekit is to have them: name in the
            piece to method.
        definitions: What of this package the method's file consists of, beside the
            piece that fits it into mergekit: file to names.
        introduction: The file whose docstring says what the method does.
    """

    name: str
    methods: Mapping[str, Method] = field(default_factory=dict)
    definitions: Mapping[str, Sequence[str]] = field(default_factory=dict)
    introduction: str = ""


PULL_REQUESTS = (
    PullRequest(
        "layer_swap",
        # the recipe is not at hand there, so it must say how many layers there are
        {
            "layer_swap": replace(
                LAYER_SWAP,
                parameters=tuple(
                    replace(one, default=REQUIRED) if one is LAYERS else one
                    for one in LAYER_SWAP.parameters
                ),
            )
        },
        {
            "methods/layer_zones.py": ("zones", "zone_origin"),
            "methods/name_parts.py": ("has_part",),
            "kernels/tensors.py": ("work_dtype",),
        },
        "methods/layer_swap.py",
    ),
    PullRequest(
        "seeded_dare",
        {
            "seeded_dare_linear": replace(
                DARE_LINEAR,
                name="seeded_dare_linear",
                pretty_name="Linear DARE (seeded masks)",
            ),
            "seeded_dare_ties": replace(
                DARE_TIES,
                name="seeded_dare_ties",
                pretty_name="DARE TIES (seeded masks)",
            ),
        },
        {
            "kernels/philox.py": ("mask_key", "threshold", "keep_bits"),
            "methods/method.py": ("distinct_keys",),
            "kernels/tensors.py": ("work_dtype", "chunks"),
            "kernels/terms.py": ("row_factors",),
            "kernels/reference.py": ("sum_of_rows",),
        },
        "methods/dare_linear.py",
    ),
    PullRequest("turn_ends"),
    PullRequest("plan_in_memory"),
    PullRequest("mask_generators"),
)

# what is said of results in float32, where no magnitudes at a cut are equal
_ALWAYS = "the same bits"
_PLAIN = "the same bits with `lambda` 1 and without `normalize`, else up to rounding"
_ROUNDED = "the same up to rounding"

# method -> mergekit's own of the same formula, and how the results compare
SAME_FORMULA = {
    "fused_linear": ("linear", _ROUNDED),
    "fused_task_arithmetic": ("task_arithmetic", _PLAIN),
    "fused_ties": ("ties", _ALWAYS),
    "fused_breadcrumbs": ("breadcrumbs", _PLAIN),
    "fused_breadcrumbs_ties": ("breadcrumbs_ties", _ALWAYS),
    "fused_nearswap": ("nearswap", _ROUNDED),
}

# what no figures on real models speak for as yet, or what another request comes before
NOT_OFFERED = (
    "fused_lines",
    "fused_null_space",
    "fused_null_space_lines",
    "fused_widen",
    "fused_della",
    "fused_della_linear",
)
