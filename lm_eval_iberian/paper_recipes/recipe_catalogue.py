"""What recipes are made of, as ``data/recipes/catalogue.toml`` has it."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.paths import data
from lm_eval_iberian.toml import read_toml
from mergekit_ext.methods.parameters import PARAMETERS, Parameter


MULTI = "multi"
STARTS = ("none", "base", "instruct")


@dataclass(frozen=True)
class LanguageExpert:
    """A model that knows one language.

    Args:
        called: What the authors' scripts call it.
        source: Where the id is from.
        id: Its id on the hub; ``None`` where it is not known.
    """

    called: str
    source: str
    id: str | None = None


@dataclass(frozen=True)
class Backbone:
    """A base model, its instructed model, and the language experts made of it.

    Args:
        what: What people call it.
        base: The base model.
        instruct: The instructed model.
        dtype: The dtype of all of them.
        source: Where the ids are from.
        experts: The language experts, by language.
        chat_tokens: What the instructed model alone has learnt to use.
    """

    what: str
    base: str
    instruct: str
    dtype: str
    source: str
    experts: Mapping[str, LanguageExpert]
    chat_tokens: tuple[str, ...] = ()


@dataclass(frozen=True)
class RecipeMethod:
    """A merge method as recipes use it.

    Args:
        start: The model the others are added to: ``none``, ``base`` or ``instruct``.
        takes: Its parameters, in the order they are written.
        fused: The name of the method of this package.
        source: Where its values are from.
        defaults: The values of parameters for which nothing is asked.
        required: The parameters for which something must be asked.
        experts: How many languages it takes at most; ``None`` for any number.
        alone: Whether mergekit has no such method.
    """

    start: str
    takes: tuple[str, ...]
    fused: str
    source: str
    defaults: Mapping[str, Any] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    experts: int | None = None
    alone: bool = False

    def __post_init__(self) -> None:
        if self.start not in STARTS:
            raise ValueError(f"start must be one of {STARTS}, not {self.start!r}")
        for name in (*self.defaults, *self.required):
            if name not in self.takes:
                raise ValueError(f"{name} is not among takes = {list(self.takes)}")


@dataclass(frozen=True)
class PaperTable:
    """Tables of the paper and the merges in them."""

    numbers: tuple[int, ...]
    backbones: tuple[str, ...]
    methods: tuple[str, ...]
    languages: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class Suggestion:
    """A merge of one language that is worth trying, and untested.

    Args:
        method: The method; the instructed model's rows of chat tokens are kept.
        values: Of its parameters.
        backbones: What it is made for, for each language that has an expert.
        source: What suggests it.
    """

    method: str
    values: Mapping[str, Any]
    backbones: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class RecipeCatalogue:
    """Everything a recipe can be made of, by name.

    Args:
        backbones: The models to start from.
        methods: The merge methods, by mergekit's names.
        parameters: What the methods take.
        fused_only: Those that only the methods of this package take.
        weights: The models' weights where none is asked for.
        tables: The paper's tables.
        suggestions: What is in none of them, and untested.
    """

    backbones: Mapping[str, Backbone]
    methods: Mapping[str, RecipeMethod]
    parameters: Mapping[str, Parameter]
    fused_only: tuple[str, ...]
    weights: Mapping[str, Any]
    tables: tuple[PaperTable, ...]
    suggestions: tuple[Suggestion, ...] = ()

    def methods_with(self, parameter: str, *, fused: bool) -> list[str]:
        """Return the names of the methods that take a parameter."""
        return sorted(
            method.fused if fused and not method.alone else name
            for name, method in self.methods.items()
            if parameter in method.takes
        )


@functools.cache
def load_catalogue() -> RecipeCatalogue:
    """Return the shipped catalogue."""
    return read_catalogue(data() / "recipes" / "catalogue.toml")


def read_catalogue(path: Path) -> RecipeCatalogue:
    """Read a catalogue.

    Raises:
        DataError: It is missing, not TOML, or names what it does not define.
    """
    raw = read_toml(path)
    try:
        methods = {k: RecipeMethod(**_tuples(v)) for k, v in raw["methods"].items()}
        found = RecipeCatalogue(
            backbones={k: _backbone(v) for k, v in raw["backbones"].items()},
            methods=methods,
            parameters=_taken(methods),
            fused_only=tuple(raw["parameters"]["fused_only"]),
            weights=raw["weights"],
            tables=tuple(PaperTable(**_tuples(v)) for v in raw["tables"]),
            suggestions=tuple(
                Suggestion(**_tuples(v)) for v in raw.get("suggestions", ())
            ),
        )
        _check(found)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path} is no catalogue of recipes: {error}") from error
    return found


def _backbone(raw: Mapping[str, Any]) -> Backbone:
    experts = {
        lang: LanguageExpert(**expert) for lang, expert in raw["experts"].items()
    }
    return Backbone(**_tuples({**raw, "experts": experts}))


def _tuples(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in raw.items()}


def _taken(methods: Mapping[str, RecipeMethod]) -> dict[str, Parameter]:
    for name, method in methods.items():
        if unknown := set(method.takes) - set(PARAMETERS):
            raise ValueError(f"methods.{name} takes unknown {sorted(unknown)}")
    taken = {name for method in methods.values() for name in method.takes}
    return {name: one for name, one in PARAMETERS.items() if name in taken}


def _check(found: RecipeCatalogue) -> None:
    if unknown := set(found.fused_only) - set(found.parameters):
        raise ValueError(f"parameters.fused_only names unknown {sorted(unknown)}")
    for table in found.tables:
        named = (*table.backbones, *table.methods)
        if unknown := set(named) - set(found.backbones) - set(found.methods):
            raise ValueError(f"tables {table.numbers} name unknown {sorted(unknown)}")
    for one in found.suggestions:
        named = (one.method, *one.backbones)
        if unknown := set(named) - set(found.backbones) - set(found.methods):
            raise ValueError(f"a suggestion names unknown {sorted(unknown)}")
        if unknown := set(one.values) - set(found.methods[one.method].takes):
            raise ValueError(f"{one.method} does not take {sorted(unknown)}")
