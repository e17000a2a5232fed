"""Every merge method of this package."""

from __future__ import annotations

from mergekit_ext.methods.breadcrumbs import BREADCRUMBS
from mergekit_ext.methods.breadcrumbs_ties import BREADCRUMBS_TIES
from mergekit_ext.methods.dare_linear import DARE_LINEAR
from mergekit_ext.methods.dare_ties import DARE_TIES
from mergekit_ext.methods.della import DELLA
from mergekit_ext.methods.della_linear import DELLA_LINEAR
from mergekit_ext.methods.layer_swap import LAYER_SWAP
from mergekit_ext.methods.linear import LINEAR
from mergekit_ext.methods.lines import LINES
from mergekit_ext.methods.nearswap import NEARSWAP
from mergekit_ext.methods.null_space import NULL_SPACE
from mergekit_ext.methods.null_space_lines import NULL_SPACE_LINES
from mergekit_ext.methods.task_arithmetic import TASK_ARITHMETIC
from mergekit_ext.methods.ties import TIES
from mergekit_ext.methods.widen import WIDEN


METHODS = (
    LINEAR,
    TASK_ARITHMETIC,
    TIES,
    DARE_LINEAR,
    DARE_TIES,
    BREADCRUMBS,
    BREADCRUMBS_TIES,
    NEARSWAP,
    LAYER_SWAP,
    LINES,
    DELLA_LINEAR,
    DELLA,
    NULL_SPACE,
    NULL_SPACE_LINES,
    WIDEN,
)
