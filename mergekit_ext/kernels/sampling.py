"""Brackets around order statistics, guessed from a sample and then made exact.

A sorted sample says between which two magnitudes the element of some rank must lie,
almost surely. One pass over the data then counts what is below and gathers the few in
between, among which the exact one is found; where the guess was wrong, that pass shows
it. So a sample decides how much work there is, never what comes out. Floyd, Rivest:
"Expected time bounds for selection" (CACM 18(3), 1975).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from mergekit_ext.kernels.order_statistics import INFINITY_BITS, Cut
from mergekit_ext.kernels.philox import philox
from mergekit_ext.kernels.terms import Merge


# smaller tensors are done before a sample would be sorted
WORTH_SAMPLING = 1 << 18
_SHARE, _LARGEST, _RUN = 256, 1 << 20, 8
_DEVIATIONS = 5
_KEY = 0x1BE51A


@dataclass(frozen=True)
class Bracket:
    """Two magnitudes, as bits, between which or at which an element is expected."""

    low: int
    high: int


@dataclass(frozen=True)
class Census:
    """What one span of the data has to say to one bracket.

    Args:
        below: How many elements lie below ``low``.
        at_low: How many equal it.
        between: The bits of those strictly between, int32, in any order.
        at_high: How many equal ``high``.
    """

    below: int
    at_low: int
    between: torch.Tensor
    at_high: int


def brackets(what: Merge, k: int, positions: list[int]) -> list[Bracket]:
    """Guess where the elements of some ranks are, from a sample of a task vector."""
    sample = _sample(what, k)
    return [_bracket(sample, position / what.like.numel()) for position in positions]


def capacity(size: int) -> int:
    """Return how many elements of a span may lie between before a guess is no good."""
    sample = _sample_size(size)
    margin = _DEVIATIONS * math.sqrt(0.25 / sample) + 2 * _RUN / sample
    # two brackets, with a margin on either side
    return int(4 * margin * size) + 1024


def settle(
    bracket: Bracket, position: int, found: list[Census]
) -> tuple[Cut, list[int]] | None:
    """Return the cut before the element at a position, and the ties in each span.

    Returns:
        ``None`` where the element lies outside the bracket.
    """
    rank = position - sum(span.below for span in found)
    at_low = [span.at_low for span in found]
    if bracket.low == bracket.high:
        inside = 0 <= rank < sum(at_low)
        return (Cut(bracket.low, rank), at_low) if inside else None
    between = torch.cat([span.between for span in found])
    at_high = [span.at_high for span in found]
    if not 0 <= rank < sum(at_low) + len(between) + sum(at_high):
        return None
    if rank < sum(at_low):
        return Cut(bracket.low, rank), at_low
    rank -= sum(at_low)
    if rank >= len(between):
        return Cut(bracket.high, rank - len(between)), at_high
    bits = _at_rank(between, rank)
    ties = rank - int((between < bits).count_nonzero())
    return Cut(bits, ties), [
        int((span.between == bits).count_nonzero()) for span in found
    ]


def _at_rank(values: torch.Tensor, rank: int) -> int:
    if values.device.type == "cpu":  # NumPy selects in linear time
        return int(np.partition(values.numpy(), rank)[rank])
    return int(values.kthvalue(rank + 1).values)


def _sample_size(size: int) -> int:
    return max(1, min(size // _SHARE, _LARGEST) // _RUN) * _RUN


def _sample(what: Merge, k: int) -> torch.Tensor:
    """Return sorted magnitude bits of short runs, one from each of equal strata."""
    numel, device = what.like.numel(), what.like.device
    runs = _sample_size(numel) // _RUN
    stratum = numel // runs
    index = torch.arange(runs, device=device)
    start = index * stratum + philox(_KEY, index)[0] % (stratum - _RUN + 1)
    places = (start.unsqueeze(1) + torch.arange(_RUN, device=device)).view(-1)
    expert = what.terms[k].expert.tensor.detach().view(-1)[places]
    values = expert.to(what.work_dtype)
    if what.base is not None:
        values -= what.base.tensor.detach().view(-1)[places].to(values.dtype)
    bits = values.to(torch.float32).view(torch.int32) & 0x7FFFFFFF
    if device.type == "cpu":  # NumPy sorts integers with wider vectors
        return torch.from_numpy(np.sort(bits.numpy()))
    return bits.sort().values


def _bracket(sample: torch.Tensor, share: float) -> Bracket:
    size = len(sample)
    margin = _DEVIATIONS * math.sqrt(size * share * (1 - share)) + 2 * _RUN
    low, high = math.floor(share * size - margin), math.ceil(share * size + margin)
    return Bracket(
        int(sample[low]) if low >= 0 else -1,
        int(sample[high]) if high < size else INFINITY_BITS + 1,
    )
