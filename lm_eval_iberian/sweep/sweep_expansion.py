"""From a specification to cells: every model, every suite, every run."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lm_eval_iberian.errors import IberianError, unknown_name
from lm_eval_iberian.paper_recipes import (
    ParameterSetting,
    RecipeCatalogue,
    Request,
    build,
    load_catalogue,
    read_setting,
)
from lm_eval_iberian.paper_recipes.request import SPECIAL_TOKENS
from lm_eval_iberian.sweep.placed_yaml import Placed
from lm_eval_iberian.sweep.sweep_cell import SweepCell, canonical
from lm_eval_iberian.sweep.sweep_spec import SweepSpec
from lm_eval_iberian.sweep.sweep_suite import EVERY, SweepSuite
from lm_eval_iberian.sweep.value_ranges import value_texts


# whose rows of chat tokens: no parameter of a method, and yet one may sweep it
_TOKENS = "special_tokens"
_LONGEST = 150
_MOST_CELLS = 100_000
# of lm_eval: python's, numpy's and torch's, and that of examples
_SEEDS = (0, 1234, 1234, 1234)


@dataclass(frozen=True)
class _Subject:
    """A model that is evaluated, and where the specification asks for it."""

    model: str
    role: str
    languages: tuple[str, ...]
    place: Placed
    method: str = ""
    values: Mapping[str, str] | None = None
    recipe: Mapping[str, Any] | None = None
    pretrained: str = ""
    merge_seed: int | None = None

    @property
    def chats(self) -> bool:
        return self.role in ("merge", "instruct")


def expand(spec: SweepSpec) -> list[SweepCell]:
    """Return every cell; no model and no task is opened.

    Raises:
        SweepSpecError: A method or a parameter does not exist, has a value that it
            cannot have, or the same merge is asked for twice.
    """
    cells: list[SweepCell] = []
    for subject in [*_baselines(spec), *_merges(spec)]:
        for suite in spec.suites:
            cells += _evaluations(subject, suite, spec)
        if len(cells) > _MOST_CELLS:
            raise spec.place.fault(f"these are more than {_MOST_CELLS} cells")
    if not cells:
        raise spec.place.fault("no model has a task to be evaluated on")
    seen: set[str] = set()
    for cell in cells:
        if cell.id.lower() in seen:
            raise spec.place.fault(f"two cells would be called {cell.id!r}")
        seen.add(cell.id.lower())
    return cells


def _baselines(spec: SweepSpec) -> Iterator[_Subject]:
    place, every = spec.place, tuple(spec.experts)
    if "base" in spec.baselines:
        yield _Subject("base", "base", every, place, pretrained=spec.base)
    if "instruct" in spec.baselines:
        yield _Subject("instruct", "instruct", every, place, pretrained=spec.instruct)
    if "experts" in spec.baselines:
        for lang, model in spec.experts.items():
            name = f"expert-{lang}"
            yield _Subject(name, "expert", (lang,), place, pretrained=model)


def _merges(spec: SweepSpec) -> Iterator[_Subject]:
    catalogue = load_catalogue()
    seen: dict[str, _Subject] = {}
    for entry in spec.methods:
        for subject in _of_entry(entry, spec, catalogue):
            key = canonical([subject.recipe, subject.merge_seed])
            if key in seen:
                other = seen[key]
                raise entry.fault(
                    f"{subject.model} is the same merge as {other.model} at line"
                    f" {other.place.line}; leave one out"
                )
            seen[key] = subject
            yield subject


def _of_entry(
    entry: Placed, spec: SweepSpec, catalogue: RecipeCatalogue
) -> Iterator[_Subject]:
    """Yield the merges of an entry: every method, language and value of parameters."""
    ours = {known.fused: name for name, known in catalogue.methods.items()}
    names = sorted({*catalogue.methods, *ours})
    keys = entry.mapping("key of a method", (), ("method",))
    for one in keys["method"].entries("methods"):
        method = one.text("a method")
        if method not in names:
            raise one.fault(unknown_name("method", method, names))
        yield from _of_method(method, ours.get(method, method), entry, spec, catalogue)


def _of_method(
    method: str, name: str, entry: Placed, spec: SweepSpec, catalogue: RecipeCatalogue
) -> Iterator[_Subject]:
    known, fused = catalogue.methods[name], method != name
    takes = [
        parameter
        for parameter in known.takes
        if fused or known.alone or parameter not in catalogue.fused_only
    ]
    known_keys = ("method", "experts", _TOKENS, *takes)
    keys = entry.mapping(f"parameter of {method}", known_keys)
    for parameter in known.required:
        if parameter not in keys:
            raise entry.fault(f"{method} needs {parameter}")
    if known.start == "base" and not spec.base:
        raise entry.fault(f"{method} starts from a base model; models has no base")
    draws = "seed" in known.takes and "seed" not in keys
    seeds: Sequence[int | None] = (spec.seeds or (None,)) if draws else (None,)
    for langs in _languages(keys.get("experts"), known.experts, spec):
        axes = [
            axis
            for parameter in takes
            if parameter in keys
            for axis in _axes(parameter, keys[parameter], langs, spec, catalogue)
        ]
        if _TOKENS in keys:
            axes.append(_token_choices(keys[_TOKENS]))
        for chosen in itertools.product(*axes):
            for seed in seeds:
                values = {label: text for label, text, _ in chosen}
                settings = [one for *_, some in chosen for one in some]
                if seed is not None:
                    values["seed"] = str(seed)
                if fused and seed is not None:
                    settings.append(ParameterSetting("seed", seed, str(seed)))
                request = Request(
                    None, name, langs, fused and not known.alone, spec.base or None,
                    spec.instruct, {lang: spec.experts[lang] for lang in langs},
                    tuple(settings), spec.dtype or None,
                    values.get(_TOKENS, spec.special_tokens),
                )  # fmt: skip
                try:
                    recipe = build(request, catalogue)
                except IberianError as error:
                    raise entry.fault(str(error)) from error
                parts = (f"{label}{text}" for label, text in values.items())
                model = _file_name("-".join((method, "+".join(langs), *parts)))
                yield _Subject(
                    model, "merge", langs, entry, method, values, recipe,
                    merge_seed=None if fused else seed,
                )  # fmt: skip


def _languages(
    placed: Placed | None, most: int | None, spec: SweepSpec
) -> list[tuple[str, ...]]:
    """Return the languages of every merge: of one each, of all, or of those listed."""
    every = tuple(spec.experts)
    if placed is None or placed.value == "each":
        return [(lang,) for lang in every]
    if placed.value == EVERY:
        found = [every]
    else:
        chosen = [one.text("a language") for one in placed.entries("languages")]
        for lang in chosen:
            if lang not in every:
                raise placed.fault(
                    unknown_name("language", lang, (*every, "each", EVERY))
                )
        if len(set(chosen)) < len(chosen):
            raise placed.fault(f"a language is named twice: {', '.join(chosen)}")
        found = [tuple(chosen)]
    if most is not None and len(found[0]) > most:
        raise placed.fault(f"this method takes {most} language, not {len(found[0])}")
    return found


_Choice = tuple[str, str, list[ParameterSetting]]


def _axes(
    name: str,
    placed: Placed,
    langs: tuple[str, ...],
    spec: SweepSpec,
    catalogue: RecipeCatalogue,
) -> Iterator[list[_Choice]]:
    """Yield, for each part that has values of its own, these: label, text, settings."""
    parameter = catalogue.parameters[name]
    if not isinstance(placed.value, dict):
        yield _choices(name, placed, (None,), catalogue)
        return
    if not parameter.per_model:
        raise placed.fault(f"{name} is one value for the whole merge, not one a model")
    known = ("instruct", "experts", *_spec_languages(spec))
    given = placed.mapping("model of a merge", known)
    for part, one in given.items():
        if part == "experts":
            rest = tuple(lang for lang in langs if lang not in given)
            if rest:
                yield _choices(f"{name}.experts", one, rest, catalogue)
        elif part == "instruct" or part in langs:
            yield _choices(f"{name}.{part}", one, (part,), catalogue)


def _token_choices(placed: Placed) -> list[_Choice]:
    """Return the choices of whose rows of chat tokens a merge has."""
    found: list[_Choice] = []
    for text in value_texts(placed, _TOKENS):
        if text not in SPECIAL_TOKENS:
            raise placed.fault(
                unknown_name("choice of special tokens", text, SPECIAL_TOKENS)
            )
        found.append((_TOKENS, text, []))
    return found


def _spec_languages(spec: SweepSpec) -> tuple[str, ...]:
    models = spec.place.value["models"]
    return tuple(models.value["experts"].value)


def _choices(
    label: str,
    placed: Placed,
    parts: tuple[str | None, ...],
    catalogue: RecipeCatalogue,
) -> list[_Choice]:
    name = label.partition(".")[0]
    parameter = catalogue.parameters[name]
    found: list[_Choice] = []
    for text in value_texts(placed, name):
        try:
            value = read_setting(parameter, text).value
        except IberianError as error:
            raise placed.fault(str(error)) from error
        settings = [ParameterSetting(name, value, text, part) for part in parts]
        found.append((label, text, settings))
    return found


def _evaluations(
    subject: _Subject, suite: SweepSuite, spec: SweepSpec
) -> Iterator[SweepCell]:
    template = suite.template_for == "all" or (
        suite.template_for == "chat" and subject.chats
    )
    options = {**spec.options, **suite.options, "apply_chat_template": template}
    for group, tasks in suite.tasks.items():
        if group not in (*subject.languages, EVERY):
            continue
        for run in range(suite.runs):
            seeds = [seed + run for seed in _SEEDS[:3]] + [_SEEDS[3]]
            parts = [subject.model, f"{suite.name}-{group}"]
            if suite.runs > 1:
                parts.append(f"run{run}")
            yield SweepCell(
                id="--".join(parts),
                model=subject.model,
                role=subject.role,
                languages=subject.languages,
                method=subject.method,
                values=subject.values or {},
                recipe=subject.recipe,
                pretrained=subject.pretrained,
                merge_seed=subject.merge_seed,
                suite=suite.name,
                group=group,
                tasks=tasks,
                options={**options, "seed": ",".join(map(str, seeds))},
                run=run,
            )


def _file_name(text: str) -> str:
    """Return a text as a file may be called; a long one ends in a hash of it."""
    name = re.sub(r"_{2,}", "_", re.sub(r"[^A-Za-z0-9._+=-]", "_", text))
    if name == text and len(name) <= _LONGEST:
        return name
    digest = hashlib.sha256(text.encode()).hexdigest()[:10]
    return f"{name[: _LONGEST - 11]}-{digest}"
