r"""Null space with the ramp of LiNeS: projected experts that grow with the layer.

As ``null_space``, but in layer :math:`l` of :math:`L` what is projected is multiplied
by :math:`\alpha + (\beta - \alpha)\, l / (L - 1)`, as in ``lines``; what is no matrix
too. The first model beside the base enters whole in every layer.
"""

from __future__ import annotations

import torch

from mergekit_ext.methods.lines import ramp
from mergekit_ext.methods.method import Group, Method
from mergekit_ext.methods.null_space import PARAMETERS, project
from mergekit_ext.methods.parameters import ALPHA, BETA, LAYERS


def merge(group: Group) -> torch.Tensor:
    """Merge one tensor; its name says how deep it is.

    Raises:
        RecipeError: If it has no name, or the number of layers is not given or wrong.
        InputError: If an input holds NaN, or a sum would.
    """
    slope = ramp(group, NULL_SPACE_LINES.name)
    return project(group, NULL_SPACE_LINES.name, slope)


NULL_SPACE_LINES = Method(
    "fused_null_space_lines",
    "Null-Space Task Arithmetic with LiNeS (fused)",
    "https://arxiv.org/abs/2410.17146",
    (*PARAMETERS, ALPHA, BETA, LAYERS),
    merge,
)
