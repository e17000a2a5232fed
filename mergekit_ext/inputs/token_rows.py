"""The rows that a model has for its tokens: a few of them read, never all.

A token that was never trained has a row near zero, or one that many others share.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mergekit_ext.errors import InputError
from mergekit_ext.inputs.checkpoints import Checkpoint
from mergekit_ext.inputs.safetensors_header import TensorHeader


if TYPE_CHECKING:
    import torch


# how the architectures call what has a row for each token
_EMBEDDINGS = (
    "embed_tokens.weight", "wte.weight", "embed_in.weight", "word_embeddings.weight",
    "tok_embeddings.weight",
)  # fmt: skip
_HEADS = ("lm_head.weight", "embed_out.weight", "output.weight")
# enough for a median
_SAMPLE = 512
# of the length of a row: what is nearer to another than this is the same row
_SAME = 1e-3
# of the median length of other rows, what is shorter is nothing
_NOTHING = 1e-3
# how many tokens' rows are compared with each other
_MOST = 2048


@dataclass(frozen=True)
class TokenTensor:
    """A tensor with a row for each token, of which single rows are read.

    Args:
        model: Whose it is.
        name: Its name.
        header: What its file says of it.
    """

    model: str
    name: str
    header: TensorHeader

    @property
    def rows(self) -> int:
        """How many there are."""
        return self.header.shape[0]

    def read(self, ids: Sequence[int]) -> torch.Tensor:
        """Return rows in float32, one below the other.

        Raises:
            InputError: If they are no floats, or the file cannot be read.
        """
        import torch
        from safetensors import SafetensorError, safe_open

        if not self.header.dtype.startswith(("F", "BF")):
            raise InputError(
                f"Model {self.model!r}: the rows of {self.name!r} are"
                f" {self.header.dtype}, of which no length can be told."
            )
        found = torch.empty(len(ids), self.header.shape[1])
        try:
            with safe_open(self.header.file, framework="pt") as file:
                part = file.get_slice(self.name)
                for at, number in enumerate(ids):
                    found[at] = part[number : number + 1][0].float()
        except (OSError, SafetensorError) as error:
            raise InputError(
                f"Model {self.model!r}: {self.header.file} cannot be read: {error}."
            ) from error
        return found

    def ordinary_norm(self, known: Collection[int], added: Collection[int]) -> float:
        """Return the median length of rows of tokens that were not added.

        Args:
            known: The ids of all tokens.
            added: Those of added ones.
        """
        ids = sorted(one for one in {*known} - {*added} if 0 <= one < self.rows)
        step = max(1, len(ids) // _SAMPLE)
        norms = self.read(ids[::step]).norm(dim=1)
        return float(norms.median()) if len(norms) else float("nan")


def token_tensors(checkpoint: Checkpoint) -> dict[str, TokenTensor]:
    """Return ``embedding`` and ``head``, as far as the files have them by a known name.

    A head that is the embedding is not in the files of a model, or is not used.
    """
    found = {}
    for what, ends in (("embedding", _EMBEDDINGS), ("head", _HEADS)):
        names = [
            name
            for name, header in checkpoint.tensors.items()
            if name.endswith(ends) and len(header.shape) == 2
        ]
        if names:
            name = min(names, key=len)
            found[what] = TokenTensor(checkpoint.model, name, checkpoint.tensors[name])
    return found


@dataclass(frozen=True)
class OddRows:
    """What is unlike in the rows of some tokens.

    Args:
        checked: The tokens that have a row.
        untrained: Those whose row is near 0, or that of another too.
        unlike: Token to the length of its row and the one that it was held against.
    """

    checked: tuple[str, ...]
    untrained: tuple[str, ...] = ()
    unlike: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def odd_rows(
    tensor: TokenTensor,
    special: Mapping[str, int],
    known: Collection[int],
    lengths: Mapping[str, float] | None,
    factor: float,
) -> OddRows:
    """Look at the rows of special tokens.

    Args:
        tensor: What they are in.
        special: Token to id; the first of very many.
        known: The ids of all tokens.
        lengths: Token to the length that its row has in another model; without it, the
            median of the other rows is what they are held against.
        factor: By how much a length may differ.

    Raises:
        InputError: If the rows cannot be read.
    """
    tokens = [one for one, id_ in special.items() if 0 <= id_ < tensor.rows][:_MOST]
    if not tokens:
        return OddRows(())
    rows = tensor.read([special[token] for token in tokens])
    norms = dict(zip(tokens, rows.norm(dim=1).tolist(), strict=True))
    median = tensor.ordinary_norm(known, special.values())
    shared = _shared(rows)
    unlike = {}
    for token, norm in norms.items():
        wanted = median if lengths is None else lengths.get(token)
        # without any other row there is no median
        if (
            wanted is not None
            and not math.isnan(wanted)
            and not _is_near(norm, wanted, factor)
        ):
            unlike[token] = norm, wanted
    untrained = tuple(
        token
        for token, is_shared in zip(tokens, shared, strict=True)
        if is_shared or norms[token] <= median * _NOTHING
    )
    return OddRows(tuple(tokens), untrained, unlike)


def row_lengths(tensor: TokenTensor, ids: Mapping[str, int]) -> dict[str, float]:
    """Return the lengths of the rows of tokens, of those that have one.

    Raises:
        InputError: If they cannot be read.
    """
    here = {token: one for token, one in ids.items() if 0 <= one < tensor.rows}
    norms = tensor.read(list(here.values())).norm(dim=1).tolist()
    return dict(zip(here, norms, strict=True))


def _shared(rows: torch.Tensor) -> list[bool]:
    """Return for each row whether another is the same, or nearly."""
    import torch

    distances = torch.cdist(rows, rows)
    distances.fill_diagonal_(math.inf)
    near = distances.min(dim=1).values <= rows.norm(dim=1) * _SAME
    return [bool(one) for one in near]


def _is_near(norm: float, wanted: float, factor: float) -> bool:
    if not (math.isfinite(norm) and math.isfinite(wanted)):
        return False
    return norm <= wanted * factor and wanted <= norm * factor
