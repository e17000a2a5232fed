"""Whether our merges may be held against mergekit's: right first, fast then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final
from unittest import mock

import torch
from merge_cases import JUDGED, REFERENCE, Case, family, untied_family
from merge_timing import ours, stock_with_our_masks

from mergekit_ext.errors import MergeError
from mergekit_ext.kernels import reference
from mergekit_ext.kernels.backends import Backend
from mergekit_ext.kernels.philox import words


# the reference draws in Python, a word at a time
DRAWN: Final = 4_099
_CHUNK: Final = 1 << 22

Backends = Mapping[str, Backend]


@dataclass(frozen=True)
class Verdict:
    """What a gate found.

    Args:
        faults: What disagrees, in words.
        differ: The share of elements of the timed tensors that differ from mergekit's.
        apart: The share that does so by more than two units in the last place.
    """

    faults: tuple[str, ...]
    differ: float | None = None
    apart: float | None = None

    @property
    def agrees(self) -> bool:
        return not self.faults


def judge(case: Case, backends: Backends, tensors: Sequence[torch.Tensor]) -> Verdict:
    """Hold a method against the reference, mergekit and itself.

    What mergekit does not have is held against the reference and itself.
    """
    try:
        faults = against_reference(case, backends, tensors)
        if case.stock:
            faults += against_stock(case, backends, len(tensors) - 1)
        more, shares = on_the_timed(case, backends, tensors)
    except MergeError as error:
        return Verdict((f"{type(error).__name__}: {error}",))
    return Verdict((*faults, *more), *shares)


def against_reference(
    case: Case, backends: Backends, like: Sequence[torch.Tensor]
) -> list[str]:
    """Compare with the sort and the loop of ``kernels/reference.py``, exactly.

    What is drawn is compared with the reference's own on the first elements, and on all
    with a reference that gets the words of ``kernels/philox.py``. A projection is
    compared within its bound.
    """
    tensors = family(case.judged, len(like) - 1, like[0].dtype, key="gate")
    found = {name: ours(case, tensors, one) for name, one in backends.items()}
    few = [tensor[:DRAWN] for tensor in tensors]
    expected = [ours(case, few, REFERENCE)] if case.random else []
    with _quick_words():
        expected.append(ours(case, tensors, REFERENCE))
    if case.within:
        return _beyond(case, found, expected[0], tensors) + _among(found)
    faults = [
        f"{name} is not the reference in {_count(merged[: len(right)], right)} of"
        f" {len(right)} elements"
        for right in expected
        for name, merged in found.items()
        if not torch.equal(merged[: len(right)], right)
    ]
    return faults + _among(found)


def _beyond(
    case: Case,
    found: Mapping[str, torch.Tensor],
    right: torch.Tensor,
    tensors: Sequence[torch.Tensor],
) -> list[str]:
    """Compare with a reference in float64, up to the result's own rounding.

    The bound is a unit in the last place, and one of float32 of the largest delta.
    """
    base, *experts = case.taken(tensors)
    largest = max(float((one.float() - base.float()).abs().max()) for one in experts)
    faults = []
    for name, merged in found.items():
        bound = torch.finfo(merged.dtype).eps * right.abs() + 2.0**-20 * largest
        count = int(((merged.double() - right).abs() <= bound).logical_not_().sum())
        if count:
            faults.append(
                f"{name} is beyond the bound of the reference in {count} of"
                f" {len(right)} elements"
            )
    return faults


def against_stock(case: Case, backends: Backends, experts: int) -> list[str]:
    """Compare with mergekit in float32, without ties, up to the order of a sum."""
    tensors = untied_family(JUDGED, experts)
    tolerance = stock_tolerance(experts)
    expected = stock_with_our_masks(case, tensors)
    faults = []
    for name, backend in backends.items():
        distance = (ours(case, tensors, backend) - expected).abs().max().item()
        if not distance <= tolerance:
            faults.append(
                f"{name} is {distance:.3g} from mergekit's in float32, where"
                f" {tolerance:.3g} would be the order of a sum"
            )
    return faults


def stock_tolerance(experts: int) -> float:
    """Return about eight units in the last place of what ``untied_family`` sums to.

    The base is below 1, and each expert adds less than 1.
    """
    return experts * 2.0**-20


def on_the_timed(
    case: Case, backends: Backends, tensors: Sequence[torch.Tensor]
) -> tuple[list[str], tuple[float | None, float | None]]:
    """Compare the backends with each other, and the first of them with mergekit."""
    found = {name: ours(case, tensors, one) for name, one in backends.items()}
    faults = _among(found)
    if not case.stock:
        return faults, (None, None)
    first = next(iter(found.values()))
    expected = stock_with_our_masks(case, tensors)
    base = case.taken(tensors)[0].reshape(-1)
    differ, apart = shares(first, expected, base)
    scale = max(1, len(tensors) - 2)
    if first.element_size() == 2 and not differ <= case.may_differ * scale:
        faults.append(f"{differ:.2%} of the elements differ from mergekit's")
    if not apart <= case.may_be_apart * scale:
        faults.append(f"{apart:.2%} of the elements are apart from mergekit's")
    return faults, (differ, apart)


def shares(
    one: torch.Tensor, other: torch.Tensor, base: torch.Tensor
) -> tuple[float, float]:
    """Return the shares of elements that differ, and that differ by more than two ulp.

    The unit is that of the larger of ``other`` and ``base``.
    """
    differ = apart = 0
    unit = torch.finfo(one.dtype).eps
    for a, b, c in zip(*(t.split(_CHUNK) for t in (one, other, base)), strict=True):
        near = torch.maximum(b.float().abs(), c.float().abs()).mul_(2 * unit)
        differ += _count(a, b)
        apart += int(((a.float() - b.float()).abs_() <= near).logical_not_().sum())
    return differ / one.numel(), apart / one.numel()


def _among(found: Mapping[str, torch.Tensor]) -> list[str]:
    (first, expected), *others = found.items()
    return [
        f"{name} is not {first} in {_count(_bits(merged), _bits(expected))} elements"
        for name, merged in others
        if not torch.equal(_bits(merged), _bits(expected))
    ]


def _quick_words() -> AbstractContextManager[object]:
    def drawn(key: int, size: int) -> list[int]:
        return words(key, 0, size, torch.device("cpu")).tolist()  # type: ignore[no-any-return]

    return mock.patch.object(reference, "_words", drawn)


def _count(one: torch.Tensor, other: torch.Tensor) -> int:
    return int((one != other).sum())


def _bits(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.view(torch.int16 if tensor.element_size() == 2 else torch.int32)
