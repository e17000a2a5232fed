"""What ``merge.py`` merges, and who computes it.

Methods with their parameters and bytes, backends, tensors, whole models. Nothing here
imports mergekit, so that the child that measures memory does not.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final
from unittest import mock

import numpy as np
import torch

from mergekit_ext.kernels import backends, column_merge, column_scores, reference
from mergekit_ext.kernels.backends import TORCH, Backend, numba_backend
from mergekit_ext.kernels.terms import Merge
from mergekit_ext.methods import null_space, widen
from mergekit_ext.methods.method_catalogue import METHODS


FOLDERS: Final = ("base", "expert_1", "expert_2")
TENSOR: Final = "model.layers.4.mlp.up_proj.weight"
EMBEDDING: Final = "model.embed_tokens.weight"
NAMES: Final = ("numba", "torch")
# what a plain merge is: what methods that mergekit does not have are held against
PLAIN: Final = "task_arithmetic"
JUDGED: Final = 1_000_003
# sums of few powers of two: no election hangs on the rounding of a product
_WEIGHTS: Final = (0.5, 0.75, 0.625, 0.875)
_CHUNK: Final = 1 << 22


@dataclass(frozen=True)
class Case:
    """A method as it is measured.

    Args:
        name: mergekit's name of it; ours, where mergekit does not have it.
        ours: Our name of it.
        per_model: Parameters of each model, cycled through.
        shared: Parameters of the merge.
        passes: How often each input has to be read: twice where a cut has to be known
            before the first element can be written, because no cache holds a tensor.
        tensor: The name of the tensor, for methods that look at it.
        row: The last dimension, where rows or columns count; by default it is a vector.
        most: How many elements it is measured on at most.
        judged: How many the reference merges to judge it.
        base: Whether the base is a base; else it is one more model.
        exactly: How many experts it takes beside the base; ``None`` for any.
        random: Whether what is kept is drawn.
        stock: Whether mergekit has it.
        beside: Whether what it costs is said beside ``PLAIN``: mergekit does not have
            it, and it takes a base and weights.
        ways: The backends that differ for it.
        within: Whether it is a bound that holds it to the reference, and not every bit.
        may_differ: The share of elements that may differ from mergekit's in 16 bits,
            because it rounds differences and products, which also makes ties.
        may_be_apart: The share that may differ by more than two units in the last
            place of the larger of base and result, in any dtype.
    """

    name: str
    ours: str
    per_model: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    shared: Mapping[str, Any] = field(default_factory=dict)
    passes: int = 1
    tensor: str = TENSOR
    row: int | None = None
    most: int | None = None
    judged: int = JUDGED
    base: bool = True
    exactly: int | None = None
    random: bool = False
    stock: bool = True
    beside: bool = False
    ways: tuple[str, ...] = NAMES
    within: bool = False
    may_differ: float = 0.02
    may_be_apart: float = 0.001

    def taken(self, tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Return the base and as many experts as the method takes, in its shape.

        What is no whole row at the end is left out.
        """
        count = None if self.exactly is None else 1 + self.exactly
        taken = [one.reshape(-1)[: self.most] for one in tensors[:count]]
        if self.row is None:
            return taken
        row = min(self.row, taken[0].numel())
        return [one[: one.numel() // row * row].view(-1, row) for one in taken]

    def values(self, count: int) -> dict[str, dict[str, Any]]:
        """Return each parameter's value for each of ``count`` models with the base."""
        models = model_names(count)[1 if self.base else 0 :]
        return {
            name: {model: given[k % len(given)] for k, model in enumerate(models)}
            for name, given in self.per_model.items()
        }

    def bytes_moved(self, tensors: Sequence[torch.Tensor]) -> int:
        """Return the bytes that have to be read and written."""
        taken = self.taken(tensors)
        inputs = sum(tensor.numel() * tensor.element_size() for tensor in taken)
        return inputs * self.passes + taken[0].numel() * taken[0].element_size()


_WEIGHT: Final = {"weight": _WEIGHTS}
_HALF: Final = {"weight": _WEIGHTS, "density": (0.5,)}
_BAND: Final = {"weight": _WEIGHTS, "density": (0.9,), "gamma": (0.01,)}
_RAMP: Final = {"alpha": 0.25, "beta": 1.0, "layers": 32}
_RANKED: Final = {"weight": _WEIGHTS, "density": (0.5,), "epsilon": (0.1,)}
_WIDE: Final = 4096
# the reference ranks in Python
_FEW: Final = 32 * _WIDE
# a shorter side of which singular vectors are exact, as the reference's are
_EXACT: Final = 256 * (_WIDE // 4)
# layer 4 is one of those that are averaged
_SWAP: Final = {"layers": 32, "bottom": 4, "top": 4, "transition": 2}

_CASES: Final = (
    Case("linear", "fused_linear", _WEIGHT, base=False, may_differ=0.001),
    Case("task_arithmetic", "fused_task_arithmetic", _WEIGHT),
    Case(
        "ties", "fused_ties", _HALF, passes=2, may_differ=0.25, may_be_apart=0.03
    ),
    Case("dare_linear", "fused_dare_linear", _HALF, random=True),
    Case("dare_ties", "fused_dare_ties", _HALF, random=True),
    Case(
        "breadcrumbs", "fused_breadcrumbs", _BAND, passes=2,
        may_differ=0.05, may_be_apart=0.01,
    ),
    Case(
        "breadcrumbs_ties", "fused_breadcrumbs_ties", _BAND, passes=2,
        may_differ=0.05, may_be_apart=0.01,
    ),
    Case(
        "nearswap", "fused_nearswap", shared={"t": 1e-4}, exactly=1, may_differ=0.4,
    ),
    Case(
        "layer_swap", "layer_swap", {"role": ("task", "language")}, _SWAP, base=False,
        exactly=1, stock=False,
    ),
    Case("lines", "fused_lines", _WEIGHT, _RAMP, stock=False, beside=True),
    Case(
        "della_linear", "fused_della_linear", _RANKED, row=_WIDE, random=True,
        judged=_FEW, may_differ=0.1, may_be_apart=0.1,
    ),
    Case(
        "della", "fused_della", _RANKED, row=_WIDE, random=True,
        judged=_FEW, may_differ=0.2, may_be_apart=0.2,
    ),
    Case(
        "widen", "fused_widen", _WEIGHT, passes=2, row=_WIDE, stock=False, beside=True,
    ),
    Case(
        "widen_embedding", "fused_widen", _WEIGHT, passes=2, tensor=EMBEDDING,
        row=_WIDE // 4, stock=False, beside=True,
    ),
    Case(
        "null_space", "fused_null_space", _WEIGHT, row=_WIDE // 4, most=1 << 20,
        judged=_EXACT, stock=False, beside=True, ways=("torch",), within=True,
    ),
    Case(
        "null_space_lines", "fused_null_space_lines", _WEIGHT, _RAMP, row=_WIDE // 4,
        most=1 << 20, judged=_EXACT, stock=False, beside=True, ways=("torch",),
        within=True,
    ),
)  # fmt: skip
CASES: Final = {case.name: case for case in _CASES}


def model_names(count: int) -> list[str]:
    """Return the names of the base and of its experts."""
    return ["base", *(f"expert_{k}" for k in range(1, count))]


REFERENCE: Final = Backend(
    "reference",
    lambda what: (reference.merge(what), False),
    lambda what: [reference.ratio(what, term) for term in what.terms],
    lambda base, other, t: (reference.nearswap(base, other, t), False),
)


def available() -> list[str]:
    """Return the names of the backends that can be had here, the compiled one first."""
    return [name for name in NAMES if name != "numba" or find_spec("numba")]


def named(name: str) -> Backend:
    return numba_backend() if name == "numba" else TORCH


def registered() -> list[str]:
    """Return our names of the methods that there are."""
    return [method.name for method in METHODS]


@contextmanager
def forced(backend: Backend) -> Iterator[None]:
    """Let every merge inside be computed by a backend.

    Raises:
        RuntimeError: If no merge asked who is to compute it: then none was measured.
    """
    asked = 0

    def counted(work: Callable[..., Any]) -> Callable[..., Any]:
        def ask(*given: Any, **options: Any) -> Any:
            nonlocal asked
            asked += 1
            return work(*given, **options)

        return ask

    checked = backend is REFERENCE
    compiles = counted(lambda _: backend.name == "numba")
    put = [
        (backends, "pick", counted(lambda _: backend)),
        (null_space, "_projected", counted(_project if checked else _PROJECTED)),
        (column_scores, "can_compile", compiles),
        (column_merge, "can_compile", compiles),
    ]
    if checked:
        put.append((widen, "column_scores", counted(_scores)))
        put.append((widen, "merge_columns", counted(_columns)))
    with ExitStack() as patches:
        for module, name, work in put:
            patches.enter_context(mock.patch.object(module, name, work))
        yield
    if not asked:
        raise RuntimeError(f"Nothing inside was computed by {backend.name}.")


_PROJECTED: Final = null_space._projected


def _scores(what: Merge, t: float, *, of_rows: bool) -> np.ndarray:
    base, *experts = (one.tensor.t() if of_rows else one.tensor for one in what.inputs)
    return np.array(reference.widen_scores(base, experts, t))


def _columns(what: Merge, factors: np.ndarray, *, of_rows: bool) -> torch.Tensor:
    start = what.like.float()
    rows = [
        reference.delta(what, term.expert)
        * torch.from_numpy(factor).float().unsqueeze(1 if of_rows else 0)
        for term, factor in zip(what.terms, factors, strict=True)
    ]
    zeros = torch.zeros_like(start)
    weights = [term.weight for term in what.terms]
    total = reference.sum_of_rows(
        zeros, rows, weights, elect=False, normalize=False, factor=1.0
    )
    return (start + total).to(what.like.dtype)


def _project(
    what: Merge, start: torch.Tensor, energy: float, side: str
) -> torch.Tensor:
    experts = [term.expert.tensor for term in what.terms]
    return reference.null_space(start, experts, what.coefficients, energy, side)


def family(
    elements: int, experts: int, dtype: torch.dtype, key: str = "family"
) -> list[torch.Tensor]:
    """Return a base as wide as a model's weights and experts a hundredth away."""
    names = model_names(experts + 1)
    tensors = [torch.empty(elements, dtype=dtype) for _ in names]
    draws = [generator(key, name) for name in names]
    for start in range(0, elements, _CHUNK):
        size = min(_CHUNK, elements - start)
        base = torch.randn(size, generator=draws[0]).mul_(0.02)
        tensors[0][start : start + size] = base
        for tensor, draw in zip(tensors[1:], draws[1:], strict=True):
            noise = torch.randn(size, generator=draw).mul_(0.0002)
            tensor[start : start + size] = noise.add_(base)
    return tensors


def untied_family(elements: int, experts: int) -> list[torch.Tensor]:
    """Return float32 tensors whose task vectors are exact and hold no magnitude twice.

    All are multiples of 2**-20, and below 2**24 of them.
    """
    if elements > 2**23:
        raise ValueError(f"{elements} elements have no distinct magnitudes in 23 bits.")
    draw = generator("untied")
    base = torch.randint(2**18, (elements,), generator=draw)
    deltas = [
        torch.randperm(elements, generator=draw)
        * (torch.randint(2, (elements,), generator=draw) * 2 - 1)
        for _ in range(experts)
    ]
    return [tensor / 2**20 for tensor in (base, *(base + delta for delta in deltas))]


def generator(*key: str) -> torch.Generator:
    """Return a generator of its own for a key."""
    digest = hashlib.blake2b("/".join(key).encode(), digest_size=7).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "big"))


@dataclass(frozen=True)
class Shape:
    """The shape of a Llama with heads of 64 and four query heads to a key head."""

    vocabulary: int = 128_256
    hidden: int = 2_048
    intermediate: int = 8_192
    layers: int = 4

    @property
    def parameters(self) -> int:
        return sum(
            torch.Size(size).numel()
            for shard in self.shards()
            for size in shard.values()
        )

    def shards(self) -> Iterator[dict[str, tuple[int, ...]]]:
        """Yield the names and sizes of the tensors of each file."""
        table = (self.vocabulary, self.hidden)
        yield {"model.embed_tokens.weight": table}
        for layer in range(self.layers):
            yield self._layer(f"model.layers.{layer}")
        yield {"model.norm.weight": (self.hidden,), "lm_head.weight": table}

    def _layer(self, name: str) -> dict[str, tuple[int, ...]]:
        wide, up = self.hidden, self.intermediate
        return {
            f"{name}.input_layernorm.weight": (wide,),
            f"{name}.self_attn.q_proj.weight": (wide, wide),
            f"{name}.self_attn.k_proj.weight": (wide // 4, wide),
            f"{name}.self_attn.v_proj.weight": (wide // 4, wide),
            f"{name}.self_attn.o_proj.weight": (wide, wide),
            f"{name}.post_attention_layernorm.weight": (wide,),
            f"{name}.mlp.gate_proj.weight": (up, wide),
            f"{name}.mlp.up_proj.weight": (up, wide),
            f"{name}.mlp.down_proj.weight": (wide, up),
        }


def make_models(folder: Path, shape: Shape) -> None:
    """Write the three models, a shard at a time."""
    for name in FOLDERS:
        (folder / name).mkdir()
        _save_config(folder / name, shape)
        _save_tokenizer(folder / name, shape)
    where: dict[str, str] = {}
    for number, shard in enumerate(shape.shards()):
        file = f"model-{number:05}.safetensors"
        _save_shard(folder, file, shard)
        where |= dict.fromkeys(shard, file)
    index = {"metadata": {"total_size": 2 * shape.parameters}, "weight_map": where}
    for name in FOLDERS:
        path = folder / name / "model.safetensors.index.json"
        path.write_text(json.dumps(index), encoding="utf-8")


def _save_shard(folder: Path, file: str, shard: dict[str, tuple[int, ...]]) -> None:
    from safetensors.torch import save_file

    versions: list[dict[str, torch.Tensor]] = [{} for _ in FOLDERS]
    for name, size in shard.items():
        tensors = family(torch.Size(size).numel(), 2, torch.bfloat16, key=name)
        for version, tensor in zip(versions, tensors, strict=True):
            version[name] = tensor.reshape(size)
    for model, version in zip(FOLDERS, versions, strict=True):
        save_file(version, folder / model / file, metadata={"format": "pt"})


def _save_config(folder: Path, shape: Shape) -> None:
    from transformers import LlamaConfig

    LlamaConfig(
        architectures=["LlamaForCausalLM"],
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        intermediate_size=shape.intermediate,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.hidden // 64,
        num_key_value_heads=shape.hidden // 256,
        tie_word_embeddings=False,
        dtype="bfloat16",
    ).save_pretrained(folder)


def _save_tokenizer(folder: Path, shape: Shape) -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast

    words = {f"w{index}": index for index in range(shape.vocabulary)}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(WordLevel(words)))
    tokenizer.save_pretrained(folder)


def parse_elements(text: str) -> int:
    """Read a number of elements; K and M are 2**10 and 2**20.

    Raises:
        ValueError: If it is none, or below 1.
    """
    unit = {"K": 10, "M": 20}.get(text[-1:].upper())
    value = float(text[:-1]) * 2**unit if unit else float(text)
    if not math.isfinite(value) or value < 1 or value != int(value):
        raise ValueError(f"{text!r} is no number of elements; one is 200000, or 16M.")
    return int(value)
