"""Turn mergekit's configuration into a ``Recipe``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from mergekit_ext.recipes.recipe import (
    Contributor,
    Model,
    OutputSlice,
    Recipe,
    Scope,
    TokenSource,
)


def read_recipe(config: Any) -> Recipe:
    """Return what a ``MergeConfiguration`` asks for.

    Args:
        config: As mergekit has parsed it; it is not changed.
    """
    base = None if config.base_model is None else _model(config.base_model)
    slices = tuple(_slices(config, base, Scope("parameters", config.parameters or {})))
    listed = [source.model for part in slices for source in part.sources]
    bases = [part.base for part in slices if part.base is not None]
    dtypes = {"dtype": config.dtype, "out_dtype": config.out_dtype}
    return Recipe(
        method=config.merge_method,
        slices=slices,
        models=tuple(dict.fromkeys([*([base] if base else []), *bases, *listed])),
        whole_models=all(source.layers is None for p in slices for source in p.sources),
        sets_tokenizer=bool(config.tokenizer or config.tokenizer_source),
        dtypes={name: dtype for name, dtype in dtypes.items() if dtype is not None},
        tokenizer_source=_tokenizer_source(config),
        chat_template=config.chat_template,
        token_sources=dict(_token_sources(config)),
    )


def in_recipe_order(config: Any) -> Any:
    """Copy a configuration so that ``referenced_models`` follows the recipe.

    mergekit keeps them in a set, and takes the result's configuration and tokenizer
    from the first where there is no base model: from another one in every process.

    Args:
        config: A ``MergeConfiguration``.

    Returns:
        The same, with the base model first and the others as they are listed.
    """
    kind = type(config)
    places = {one.name: place for place, one in enumerate(read_recipe(config).models)}

    def referenced_models(self: Any) -> list[Any]:
        return sorted(kind.referenced_models(self), key=lambda m: places[str(m)])

    ordered = type(kind.__name__, (kind,), {"referenced_models": referenced_models})
    return ordered.model_construct(config.model_fields_set, **dict(config))  # type: ignore[attr-defined]


def plain(value: Any) -> Any:
    """Return a configuration, or a part of one, as YAML and JSON can hold it.

    mergekit's own serializer does not end for a folder with a space in its name.
    """
    if isinstance(value, BaseModel):
        if {"model", "lora"} <= type(value).model_fields.keys():
            named = getattr(value, "override_architecture", None) is None
            return str(value) if named else {k: plain(v) for k, v in value}
        if type(value).model_fields.keys() == {"path", "revision"}:
            return str(value)
        fields = type(value).model_fields
        return {k: plain(v) for k, v in value if v != fields[k].default}
    if isinstance(value, Mapping):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    return value


def _tokenizer_source(config: Any) -> Model | str | None:
    block = config.tokenizer
    source = config.tokenizer_source if block is None else block.source
    return source if source is None or isinstance(source, str) else _model(source)


def _token_sources(config: Any) -> Iterator[tuple[str, TokenSource]]:
    tokens = None if config.tokenizer is None else config.tokenizer.tokens
    for token, entry in (tokens or {}).items():
        source, force = entry.source, entry.force
        kind = getattr(source, "kind", None)
        if source is None or kind == "zero":
            yield token, TokenSource(None, zero=kind == "zero", force=force)
        elif kind is None:
            yield token, TokenSource(_model(source), force=force)
        else:
            model = _model(source.model)
            yield (
                token,
                TokenSource(model, source.token, source.token_id, force=force),
            )


def _slices(config: Any, base: Model | None, top: Scope) -> Iterator[OutputSlice]:
    yield from _parts(config, "", base, (top,))
    for name, module in (config.modules or {}).items():
        scope = Scope(f"modules.{name}.parameters", module.parameters or {})
        yield from _parts(module, f"modules.{name}.", base, (scope, top))


def _parts(
    owner: Any, prefix: str, base: Model | None, scopes: tuple[Scope, ...]
) -> Iterator[OutputSlice]:
    if owner.models:
        where = f"{prefix}models"
        sources = tuple(
            Contributor(
                _model(m.model), Scope(f"{where}[{i}].parameters", m.parameters or {})
            )
            for i, m in enumerate(owner.models)
        )
        yield OutputSlice(where, base, sources, scopes)
    for index, part in enumerate(owner.slices or []):
        where = f"{prefix}slices[{index}]"
        own = _model(part.base_model) if part.base_model else base
        sources = tuple(
            _source(source, f"{where}.sources[{i}]")
            for i, source in enumerate(part.sources)
        )
        scope = Scope(f"{where}.parameters", part.parameters or {})
        yield OutputSlice(where, own, sources, (scope, *scopes))


def _source(source: Any, where: str) -> Contributor:
    scope = Scope(f"{where}.parameters", source.parameters or {})
    return Contributor(_model(source.model), scope, tuple(source.layer_range))


def _model(reference: Any) -> Model:
    adapter = None if reference.lora is None else str(reference.lora.path)
    path = reference.model
    return Model(str(reference), path.path, path.revision, adapter)
