"""What part of a model a tensor is, told from its name, in any architecture.

=============  ======================================================================
embeddings     of tokens and positions, and the head
attention      the projections of attention, with their biases
mlp            the feed-forward layers: experts and routers too
norms          every norm, those within attention too
=============  ======================================================================

A method that takes ``PART_WEIGHTS`` lets each part have a weight of its own.
"""

from __future__ import annotations

import re
from typing import Literal

from mergekit_ext.methods.layer_zones import layer_of


Part = Literal["embeddings", "attention", "mlp", "norms"]

PARTS: tuple[Part, ...] = ("embeddings", "attention", "mlp", "norms")

# against the components of a name; the first that fits counts, so that the norm of a
# query is a norm, and a norm after embeddings too
_NORMS = re.compile(r"(?i:.*norm(_?\w{1,2})?|ln_?\w{0,2})")
_PATTERNS: tuple[tuple[Part, re.Pattern[str]], ...] = (
    ("norms", _NORMS),
    ("embeddings", re.compile(r"(.*embed.*|wte|wpe|lm_head|output|head)")),
    ("attention", re.compile(r"(.*attn|.*attention|temporal_block)")),
    (
        "mlp",
        re.compile(r"(.*mlp|.*moe|ffn|feed_?forward|experts|router|gate|fc\d|fc_.*)"),
    ),
)
_INPUT = re.compile(r"(.*embed(?!_out).*|wte|wpe)")


def part_of(name: str) -> Part | None:
    """Return what part of a model a tensor is; ``None`` where its name does not say."""
    components = name.split(".")
    inside = layer_of(name) is not None
    for part, pattern in _PATTERNS:
        if part == "embeddings" and inside:
            continue
        if any(pattern.fullmatch(one) for one in components):
            return part
    return None


def is_input(name: str) -> bool:
    """Whether a tensor comes before the first layer: embeddings, not the head."""
    components = name.split(".")
    return layer_of(name) is None and any(map(_INPUT.fullmatch, components))
