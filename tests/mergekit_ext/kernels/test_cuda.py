"""The CUDA backend against the reference, bit for bit.

On a machine without a GPU these run under Triton's interpreter, in the child process of
``test_triton_interpreter``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch


pytest.importorskip("triton", reason="NO TRITON: the CUDA backend is not tested")

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
if not INTERPRETED and not torch.cuda.is_available():
    pytest.skip(
        "no GPU: run by test_triton_interpreter in a process of its own",
        allow_module_level=True,
    )

import triton  # noqa: E402
import triton.language as tl  # noqa: E402

from mergekit_ext.kernels import reference  # noqa: E402
from mergekit_ext.kernels.gpu import cuda  # noqa: E402
from mergekit_ext.kernels.gpu.cuda_launch import Launch  # noqa: E402
from mergekit_ext.kernels.gpu.triton_philox import dropout_mask, philox  # noqa: E402
from mergekit_ext.kernels.tensors import Input  # noqa: E402
from mergekit_ext.kernels.terms import Band, Dropout, Merge, Term  # noqa: E402


TABLE = "philox"
DEVICE = torch.device("cpu" if INTERPRETED else "cuda")
F16, BF16, F32 = torch.float16, torch.bfloat16, torch.float32
# several blocks, and several rounds of the programs that share them
SMALL = Launch(block=256, copies=2, sample=256, sampled_from=1 << 40)
SAMPLED = replace(SMALL, sampled_from=600)

DENORMAL = 2.0**-149
SPECIAL = [0.0, -0.0, DENORMAL, -3 * DENORMAL, 1e-40, 2.0**-24, 2.0**-25, 6.1e-5]
SPECIAL += [1.0, -1.0, 65504.0, 65519.9, 65520.0, 3.3895e38, 3.4e38, -3.4028235e38]

pytestmark = pytest.mark.usefixtures("quiet", *(["poison"] if INTERPRETED else []))


@pytest.fixture
def quiet() -> Iterator[None]:
    """NumPy, which interprets, warns of infinities."""
    with np.errstate(all="ignore"):
        yield


def random(size: int, scale: float = 1.0, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1000 * seed + size)
    return torch.randn(size, generator=generator).mul_(scale)


def merge_of(
    base: torch.Tensor | None,
    experts: list[torch.Tensor],
    keeps: list[Band | Dropout | None],
    **options: Any,
) -> Merge:
    """Return a merge on the CPU, with uneven weights and scales."""
    terms = [
        Term(Input(expert, f"e{k}"), 0.3 + 0.4 * k, keeps[k % len(keeps)], 1 + k / 7)
        for k, expert in enumerate(experts)
    ]
    start = None if base is None else Input(base, "base")
    return Merge("t", start, tuple(terms), **options)


def tuned(
    size: int, dtypes: list[torch.dtype], shared: int = 5
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Return a base and experts of these dtypes that share every nth weight."""
    base = random(size).to(dtypes[0])
    experts = []
    for k, dtype in enumerate(dtypes[1:]):
        expert = (base.float() + random(size, 1e-3, k + 1)).to(dtype)
        expert[::shared] = base[::shared].to(dtype)
        experts.append(expert)
    return base, experts


def there(what: Merge) -> Merge:
    """Return the same merge on the device under test."""

    def moved(one: Input) -> Input:
        return replace(one, tensor=one.tensor.to(DEVICE))

    terms = tuple(replace(term, expert=moved(term.expert)) for term in what.terms)
    return replace(what, base=what.base and moved(what.base), terms=terms)


def same_bits(one: torch.Tensor, other: torch.Tensor) -> bool:
    assert one.dtype == other.dtype
    integers = {1: torch.int8, 2: torch.int16, 4: torch.int32}[one.element_size()]
    return torch.equal(one.cpu().view(integers), other.view(integers))


def check(what: Merge, launch: Launch = SMALL) -> None:
    result, nan = cuda.merge_terms(there(what), launch)
    assert result.is_contiguous()
    assert nan.shape == ()
    assert nan.device == result.device
    assert not nan
    assert same_bits(result, reference.merge(what))


def keeps_for(size: int) -> dict[str, list[Band | Dropout | None]]:
    return {
        "everything": [None],
        "breadcrumbs": [Band(size // 10, size - size // 50), Band(size // 3, size)],
        "random": [Dropout(2**64 - 5, 2**31), Dropout(77, 2**32)],
        "mixed": [Band(size // 2, size // 2), Dropout(3, 0), None, Band(0, size)],
    }


DTYPES = [[F32] * 3, [BF16] * 3, [F16] * 3, [BF16, F32, F16], [F16, BF16, F32]]


@pytest.mark.parametrize("kind", ["everything", "breadcrumbs", "random", "mixed"])
@pytest.mark.parametrize("dtypes", DTYPES, ids=str)
def test_is_the_reference(kind: str, dtypes: list[torch.dtype]) -> None:
    base, experts = tuned(700, dtypes)
    keeps = keeps_for(700)[kind]
    check(merge_of(base, experts, keeps))
    check(merge_of(base, experts, keeps, elect=True, normalize=True, factor=0.7))


@pytest.mark.parametrize("size", [1, 2, 63, 256, 257, 1000])
@pytest.mark.parametrize("kind", ["everything", "breadcrumbs", "random", "mixed"])
def test_sizes(size: int, kind: str) -> None:
    base, experts = tuned(size, [BF16] * 4)
    check(merge_of(base, experts, keeps_for(size)[kind], elect=True))
    check(merge_of(None, experts, [None], normalize=True))


@pytest.mark.parametrize("experts", [1, 3, 5, 8])
def test_any_number_of_experts(experts: int) -> None:
    base, tensors = tuned(300, [BF16] * (experts + 1))
    keeps: list[Band | Dropout | None] = [Band(50, 300), None, Dropout(9, 2**30)]
    check(merge_of(base, tensors, keeps, elect=True, normalize=True))
    check(merge_of(None, tensors, [None], normalize=True, factor=1.3))


@pytest.mark.parametrize("dtype", [F32, BF16, F16])
@pytest.mark.parametrize("with_base", [True, False])
def test_zeros_subnormals_and_what_overflows(
    dtype: torch.dtype, with_base: bool
) -> None:
    values = torch.tensor([*SPECIAL, float("inf"), 2.0, 3.0], dtype=F32)
    one = values.repeat_interleave(len(SPECIAL)).to(dtype)
    two = torch.tensor(SPECIAL, dtype=F32).repeat(len(values)).to(dtype)
    two = torch.where(two.isinf(), 1.0, two)  # no infinity less another
    keeps: list[Band | Dropout | None] = [Band(20, 250), None]
    check(merge_of(two if with_base else None, [one, one], keeps))
    check(merge_of(two, [one], [Band(20, 250)], elect=True, normalize=True))


@pytest.mark.parametrize("dtype", [BF16, F16])
def test_rounds_to_nearest_even(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(3)
    bits = torch.randint(0, 0x7F800000, (2000,), generator=generator, dtype=torch.int32)
    for low in (0x8000, 0x18000, 0x7FFF, 0x8001, 0x1000, 0x3000, 0x0FFF):
        bits = torch.cat([bits, bits[:200] & ~0x1FFFF | low])
    narrow = torch.arange(0, 0x7C00, 97, dtype=torch.int16).view(F16).float()
    halves = (narrow[1:] + narrow[:-1]) / 2
    exact = torch.cat([bits.view(F32), -bits.view(F32), narrow, halves])
    zeros = torch.zeros(exact.shape, dtype=dtype)
    what = Merge("t", Input(zeros, "b"), (Term(Input(exact, "e"), 1.0),))
    result, _ = cuda.merge_terms(there(what))
    assert same_bits(result, exact.to(dtype))


@pytest.mark.parametrize("launch", [SMALL, SAMPLED], ids=["whole", "sampled"])
@pytest.mark.parametrize("value", [0.0, 1.5, float("inf")])
def test_ties_across_blocks(value: float, launch: Launch) -> None:
    expert = torch.full((1000,), value)
    expert[::2] *= -1
    for band in (Band(0, 1), Band(255, 257), Band(256, 999), Band(999, 1000)):
        check(merge_of(None, [expert], [band]), launch)
    expert[100:700:3] = 1.0
    check(merge_of(None, [expert], [Band(150, 500)]), launch)


def test_every_rank() -> None:
    values = [2.0, -2.0, 0.0, DENORMAL, -0.0, 2.0, float("inf"), 1.0, -1.0]
    expert = torch.tensor(values)
    for first in range(0, 10, 3):
        for last in range(first, 10):
            check(merge_of(None, [expert], [Band(first, last)]))


@pytest.mark.parametrize("dtype", [F32, BF16])
def test_a_sample_narrows_the_search(dtype: torch.dtype) -> None:
    base, experts = tuned(3000, [dtype] * 3, shared=2)
    check(merge_of(base, experts, [Band(1400, 2970), Band(2990, 3000)]), SAMPLED)


@pytest.mark.parametrize("ranks", [(-9, -5), (300, 400), (40, 40)])
def test_a_sample_that_misleads_costs_time_and_no_bit(
    ranks: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    from mergekit_ext.kernels.gpu import cuda_plan

    monkeypatch.setattr(cuda_plan, "_sample_ranks", lambda share, launch: ranks)
    base, experts = tuned(1500, [F32] * 2)
    check(merge_of(base, experts, [Band(500, 1400)]), SAMPLED)


def test_sizes_of_blocks_change_no_bit() -> None:
    base, experts = tuned(1200, [BF16] * 3)
    what = there(merge_of(base, experts, keeps_for(1200)["breadcrumbs"], elect=True))
    results = [
        cuda.merge_terms(what, launch)[0].cpu()
        for launch in (SMALL, SAMPLED, Launch(), Launch(block=128, copies=1))
    ]
    assert all(same_bits(one, results[0]) for one in results)


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("base", "experts", "keep"),
    [
        ([0.0, 1.0], [[1.0, NAN]], None),
        ([0.0, NAN], [[1.0, 1.0]], None),
        ([0.0, 1.0], [[1.0, NAN]], Band(0, 0)),
        ([0.0, 1.0], [[1.0, NAN]], Dropout(1, 0)),
        ([INF, 1.0], [[INF, 1.0]], Band(0, 0)),
        ([0.0, 1.0], [[INF, 1.0], [-INF, 1.0]], None),
        (None, [[0.0, NAN]], Band(1, 2)),
    ],
)
@pytest.mark.parametrize("elect", [False, True])
def test_flags_nan(base: Any, experts: Any, keep: Any, elect: bool) -> None:
    # with an election, infinities of both signs are told apart by a NaN total
    tensors = [torch.tensor(values) for values in experts]
    start = None if base is None else torch.tensor(base)
    what = merge_of(start, tensors, [keep], elect=elect)
    expected = bool(reference.merge(what).isnan().any()) or any(
        bool(reference.delta(what, term.expert).isnan().any()) for term in what.terms
    )
    assert bool(cuda.merge_terms(there(what), SMALL)[1]) == expected


def test_a_nan_stays_one() -> None:
    # rounding its bits up would make it a zero
    expert = torch.tensor([0x7FFFFFFF, 0x7F800001], dtype=torch.int32).view(F32)
    what = merge_of(torch.zeros(2, dtype=BF16), [expert], [None])
    result, nan = cuda.merge_terms(there(what), SMALL)
    assert nan
    assert result.isnan().all()


def test_a_nan_in_a_large_band_is_flagged_and_nothing_breaks() -> None:
    base, experts = tuned(900, [F32] * 2)
    experts[0][300:] = NAN
    for launch in (SMALL, SAMPLED):
        what = there(merge_of(base, experts, [Band(200, 899)]))
        assert cuda.merge_terms(what, launch)[1]


def rescaled(what: Merge) -> Merge:
    return replace(what, terms=tuple(replace(t, rescale=True) for t in what.terms))


@pytest.mark.parametrize("dtype", [F32, BF16, F16])
def test_ratios_are_exact(dtype: torch.dtype) -> None:
    base, experts = tuned(900, [dtype] * 4)
    keeps: list[Band | Dropout | None] = [Band(90, 800), Dropout(5, 2**31), None]
    what = rescaled(merge_of(base, experts, keeps))
    expected = [reference.ratio(what, term) for term in what.terms]
    assert cuda.ratios(there(what), SMALL) == expected
    assert len({*expected}) == 3
    without = replace(what.terms[0], rescale=False)
    what = replace(what, terms=(without, *what.terms[1:]))
    assert cuda.ratios(there(what), SMALL) == [1.0, *expected[1:]]


@pytest.mark.parametrize(
    "values",
    [
        [1e-45, 3e38, 1.0, 2.5e-20, 1e-39, 7e17, 0.0, 3e38],
        [1e-9, 2e-9, 3e-9],
        [1.0, float("inf"), 2.0],
        [0.0, 0.0, 0.0],
        [3.4e38] * 600,
    ],
)
def test_ratios_of_any_magnitudes(values: list[float]) -> None:
    what = merge_of(None, [torch.tensor(values)], [Band(1, len(values) - 1)])
    what = rescaled(what)
    assert cuda.ratios(there(what), SMALL) == [reference.ratio(what, what.terms[0])]


@pytest.mark.parametrize("dtypes", DTYPES, ids=str)
def test_nearswap(dtypes: list[torch.dtype]) -> None:
    base, (other, _) = tuned(700, dtypes)
    base[:20] = other[:20] = 0
    other[:20] += torch.linspace(-3e-6, 3e-6, 20).to(other.dtype)  # around the floor
    for t in (0.0, 3e-7, 1e-3, 7.0):
        result, nan = cuda.nearswap(base.to(DEVICE), other.to(DEVICE), t, SMALL)
        assert same_bits(result, reference.nearswap(base, other, t))
        assert not nan
    other[3] = NAN
    assert cuda.nearswap(base.to(DEVICE), other.to(DEVICE), 0.1, SMALL)[1]


@triton.jit
def philox_kernel(words, counter, key):
    """One block of random words, for any counter."""
    zero = tl.zeros((1,), tl.int64)
    a = tl.load(counter + zero).to(tl.uint32)
    b = tl.load(counter + zero + 1).to(tl.uint32)
    c = tl.load(counter + zero + 2).to(tl.uint32)
    d = tl.load(counter + zero + 3).to(tl.uint32)
    low, high = tl.load(key).to(tl.uint32), tl.load(key + 1).to(tl.uint32)
    a, b, c, d = philox(a, b, c, d, low, high)
    tl.store(words + zero, a.to(tl.int64))
    tl.store(words + zero + 1, b.to(tl.int64))
    tl.store(words + zero + 2, c.to(tl.int64))
    tl.store(words + zero + 3, d.to(tl.int64))


@triton.jit
def mask_kernel(mask, key, below, start):
    """The mask of 64 elements, from anywhere."""
    kept = dropout_mask(tl.load(key), tl.load(below), tl.load(start), 64)
    tl.store(mask + tl.arange(0, 64), kept)


def on_device(*values: int) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.int64, device=DEVICE)


def test_known_answers(case: dict[str, Any]) -> None:
    counter, key, words = (
        [int(word, 16) for word in case[name]] for name in ("counter", "key", "words")
    )
    found = on_device(0, 0, 0, 0)
    philox_kernel[(1,)](found, on_device(*counter), on_device(*key))
    assert found.tolist() == words


@pytest.mark.parametrize("start", [0, 64, 2**31, 2**34 - 64, 2**34, 2**40 + 64])
def test_positions_beyond_32_bits(start: int) -> None:
    mask = torch.zeros(64, dtype=torch.bool, device=DEVICE)
    key, below = 0xFEDCBA9876543210, 2**31 + 5
    signed = key - 2**64
    mask_kernel[(1,)](mask, on_device(signed), on_device(below), on_device(start))
    words = [reference.philox(key, (start + i) // 4)[i % 4] for i in range(64)]
    assert mask.tolist() == [word < below for word in words]


def test_what_is_supported() -> None:
    def supports(tensor: torch.Tensor, terms: int = 1) -> bool:
        return cuda.supports(merge_of(None, [tensor] * terms, [None]))

    assert supports(torch.ones(4, 6))
    assert supports(torch.ones(0))
    assert supports(torch.ones(()))
    assert supports(torch.ones(3, dtype=F16), 32)
    assert not supports(torch.ones(4, 6).T)
    assert not supports(torch.ones(3, dtype=torch.float64))
    assert not supports(torch.ones(3), 33)


def test_shapes_empty_and_parameters() -> None:
    for shape in ((), (0,), (3, 0, 2), (3, 5)):
        tensor = torch.nn.Parameter(torch.ones(shape, dtype=BF16))
        check(merge_of(tensor, [tensor], [None]))
        assert (
            cuda.nearswap(tensor.to(DEVICE), tensor.to(DEVICE), 0.1)[0].shape == shape
        )
        what = rescaled(merge_of(None, [tensor], [Band(0, 1)]))
        assert cuda.ratios(there(what)) == [reference.ratio(what, what.terms[0])]


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever makes the host wait for the device fails."""
    if not INTERPRETED:
        torch.cuda.set_sync_debug_mode("error")
        yield
        torch.cuda.set_sync_debug_mode("default")
        return

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("the host waits for the device")

    names = (
        "item cpu tolist numpy nonzero masked_select unique __bool__ __int__ __float__"
    )
    with monkeypatch.context() as patch:
        for name in [*names.split(), "__index__", "__iter__", "__contains__"]:
            patch.setattr(torch.Tensor, name, refuse)
        yield


def test_the_host_does_not_wait(no_waiting: None) -> None:
    base, experts = tuned(1000, [BF16] * 3)
    merges = [
        there(merge_of(base, experts, keeps, elect=True))
        for keeps in keeps_for(1000).values()
    ]
    for what in merges:
        cuda.merge_terms(what, SMALL)
        cuda.merge_terms(what, SAMPLED)
    cuda.nearswap(merges[0].like, merges[0].terms[0].expert.tensor, 0.1)
