"""A recipe as plain data, free of mergekit's own classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Scope:
    """The parameters set at one place of a recipe.

    Args:
        where: The place, such as ``"models[1].parameters"``.
        values: Name to setting: a number, a gradient, or mergekit's conditions.
    """

    where: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Model:
    """A model that a recipe refers to.

    Args:
        name: The reference as it is written.
        path: A folder, or an id on the Hugging Face Hub.
        revision: The branch, tag or commit of a hub id.
        adapter: The path of a LoRA that is merged into it first.
    """

    name: str
    path: str
    revision: str | None = None
    adapter: str | None = None


@dataclass(frozen=True)
class Contributor:
    """A model that contributes to an output slice, with its own parameters."""

    model: Model
    scope: Scope
    layers: tuple[int, int] | None = None


@dataclass(frozen=True)
class OutputSlice:
    """Layers of the result, and what they are made of.

    Args:
        where: The place in the recipe.
        base: The base model of this slice.
        sources: The models, in recipe order; of a whole-model merge, without the base
            unless it is listed.
        scopes: The parameters that hold for every source, the nearest first.
    """

    where: str
    base: Model | None
    sources: tuple[Contributor, ...]
    scopes: tuple[Scope, ...]

    def experts(self) -> Iterator[Contributor]:
        """Yield the sources that are not the base."""
        return (s for s in self.sources if s.model != self.base)


@dataclass(frozen=True)
class TokenSource:
    """Where the row of one token comes from, in the models that lack it.

    Args:
        model: The model that gives it; ``None`` for a row of zeros or no source at all.
        token: Its name there, if that is another.
        token_id: Its number there, where that is given.
        zero: Whether it is a row of zeros.
        force: Whether the models that have the token get the row too.
    """

    model: Model | None
    token: str | None = None
    token_id: int | None = None
    zero: bool = False
    force: bool = False


@dataclass(frozen=True)
class Recipe:
    """What a recipe asks for.

    Args:
        method: The name of the merge method.
        slices: The output slices; one where whole models are merged.
        models: Every model referred to, the base first.
        whole_models: Whether whole models are merged rather than ranges of layers.
        sets_tokenizer: Whether vocabularies are aligned before the merge.
        dtypes: The settings ``dtype`` and ``out_dtype``, where there are any.
        tokenizer_source: ``"base"``, ``"union"`` or the model whose tokenizer the
            result gets.
        chat_template: A name that mergekit knows, ``"auto"``, or a template.
        token_sources: Token to what ``tokenizer.tokens`` says of it.
    """

    method: str
    slices: tuple[OutputSlice, ...]
    models: tuple[Model, ...]
    whole_models: bool = True
    sets_tokenizer: bool = False
    dtypes: Mapping[str, str] | None = None
    tokenizer_source: Model | str | None = None
    chat_template: str | None = None
    token_sources: Mapping[str, TokenSource] = field(default_factory=dict)


def leaves(setting: Any) -> Iterator[Any]:
    """Yield every single value of a setting: of gradients and of conditions."""
    if isinstance(setting, (list, tuple)):
        for entry in setting:
            yield from leaves(entry)
    elif hasattr(setting, "value"):
        yield from leaves(setting.value)
    else:
        yield setting
