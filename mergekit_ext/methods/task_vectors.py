"""What the methods that add task vectors have in common."""

from __future__ import annotations

from collections.abc import Callable

import torch

from mergekit_ext.errors import RecipeError
from mergekit_ext.kernels.backends import merge_terms
from mergekit_ext.kernels.philox import mask_key, threshold
from mergekit_ext.kernels.terms import Band, Dropout, Merge, RankDropout, Term
from mergekit_ext.methods.method import Expert, Group, required_name


# a tensor's group and one of its experts -> how the expert enters the sum
MakeTerm = Callable[[Group, Expert], Term]


def add(group: Group, term: MakeTerm, *, elect: bool = False) -> torch.Tensor:
    """Merge one tensor: the base plus λ times the sum of the terms.

    Args:
        group: What is merged; it has a base.
        term: Says what of each expert enters the sum.
        elect: Elect a sign for each element, and drop what has another (TIES).
    """
    return merge_terms(
        Merge(
            group.shown_name,
            group.required_base,
            tuple(term(group, expert) for expert in group.experts),
            elect=elect,
            normalize=group.values.get("normalize", False),
            factor=group["lambda"],
        )
    )


def whole(group: Group, expert: Expert) -> Term:
    """Keep the whole task vector."""
    return Term(expert.input, expert["weight"])


def largest(group: Group, expert: Expert) -> Term:
    """Keep the share ``density`` of largest magnitude, but at least one element."""
    density, size = expert["density"], expert.input.tensor.numel()
    kept = max(1, int(density * size)) if density > 0 and size else 0
    return _banded(group, expert, size - kept, size)


def middle(group: Group, expert: Expert) -> Term:
    """Keep the share ``density`` below the ``gamma`` of largest magnitude.

    Where both cannot be had, fewer of the largest are dropped: the density wins.
    """
    density, size = expert["density"], expert.input.tensor.numel()
    kept, top = int(density * size), int(expert["gamma"] * size)
    first = max(0, size - kept - top)
    return _banded(group, expert, first, first + kept)


def at_random(group: Group, expert: Expert) -> Term:
    """Keep each element with probability ``density`` and divide by that.

    Raises:
        RecipeError: If the tensor has no name to draw from.
    """
    key = _mask_key(group, expert)
    density = expert["density"]
    keep = None
    if density < 1:
        keep = Dropout(key, threshold(density))
    scale = 1 / density if group["rescale"] and density > 0 else 1.0
    return Term(expert.input, expert["weight"], keep, scale)


def by_rank(group: Group, expert: Expert) -> Term:
    """Keep each element with a probability that rises with its rank in its row.

    Raises:
        RecipeError: If the tensor has no name to draw from, or probabilities would not
            lie between 0 and 1.
    """
    density, epsilon = expert["density"], expert["epsilon"]
    tensor, key = expert.input.tensor, _mask_key(group, expert)
    keep: Dropout | RankDropout | None = None
    if density <= 0:
        keep = Dropout(0, 0)
    elif density < 1:
        check_spread(density, epsilon, repr(expert.input.model))
        row = tensor.shape[-1] if tensor.dim() > 1 else tensor.numel()
        keep = RankDropout(key, max(1, row), density, epsilon, group["rescale"])
    return Term(expert.input, expert["weight"], keep)


def check_spread(density: float, epsilon: float, where: str) -> None:
    """Check that the probabilities of a dropout by rank lie between 0 and 1.

    Raises:
        RecipeError: If they do not.
    """
    if not (density - epsilon > 0 and density + epsilon < 1):
        raise RecipeError(
            f"{where}: with a density of {density:g} and an epsilon of {epsilon:g}"
            f" elements would be kept with probabilities from {density - epsilon:g} to"
            f" {density + epsilon:g}, which must lie between 0 and 1; the largest"
            f" epsilon is just below {min(density, 1 - density):g}."
        )


def _mask_key(group: Group, expert: Expert) -> int:
    name = required_name(
        group.name, "A random method draws each tensor's masks from its name"
    )
    return mask_key(group["seed"], expert.key, name)


def _banded(group: Group, expert: Expert, first: int, last: int) -> Term:
    if expert["density"] >= 1:
        return whole(group, expert)
    return Term(
        expert.input, expert["weight"], Band(first, last), rescale=group["rescale"]
    )
