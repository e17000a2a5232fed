"""What a sweep is to do: a specification, read and checked by itself."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lm_eval_iberian.errors import unknown_name
from lm_eval_iberian.paper_recipes.request import AVERAGE, SPECIAL_TOKENS
from lm_eval_iberian.sweep.placed_yaml import Placed, read_placed
from lm_eval_iberian.sweep.sweep_suite import (
    EVERY,
    SweepSuite,
    file_part,
    read_names,
    read_options,
    read_suites,
)
from mergekit_ext.dtypes import DTYPES


ENGINES = ("hf", "vllm", "disk")
# of engines that merge in memory
MODEL_TYPES = {"hf": "merged", "vllm": "merged-vllm"}
BASELINES = ("base", "instruct", "experts")

_TOP = {
    "models", "methods", "suites", "languages", "baselines", "seeds", "engine",
    "model_type", "model_args", "dtype", "special_tokens", "device", "batch_size",
    "include_path",
}  # fmt: skip
# what a sweep itself says of a model
_OURS = ("recipe", "pretrained", "model", "weights", "merge_seed")


@dataclass(frozen=True)
class SweepSpec:
    """A specification.

    Attributes:
        base: The base model, a folder or an id; empty where there is none.
        instruct: The instructed model.
        experts: Language to its expert.
        methods: The entries of merge methods, not read yet.
        suites: What is evaluated.
        baselines: Which of the models are evaluated as they are.
        seeds: Seeds for merges that draw at random; empty for the methods' own.
        engine: ``hf`` and ``vllm`` merge in memory, ``disk`` into a folder that is
            deleted.
        model_type: What lm-eval evaluates with.
        model_args: More of its arguments.
        dtype: What is merged in; empty for that of the models.
        special_tokens: Whose rows of chat tokens merges get.
        options: lm-eval's options for every suite.
        include_path: A folder of more tasks.
        place: The whole file.
    """

    base: str
    instruct: str
    experts: Mapping[str, str]
    methods: tuple[Placed, ...]
    suites: tuple[SweepSuite, ...]
    baselines: tuple[str, ...]
    seeds: tuple[int, ...]
    engine: str
    model_type: str
    model_args: Mapping[str, Any]
    dtype: str
    special_tokens: str
    options: Mapping[str, Any]
    include_path: str
    place: Placed = field(compare=False, repr=False)


def read_spec(path: Path, what: str = "sweep", more: Collection[str] = ()) -> SweepSpec:
    """Read a specification; nothing but the file itself is opened.

    Args:
        path: The file.
        what: What it is of, for errors.
        more: Keys that it may have beside those of a sweep, for others to read.

    Raises:
        SweepSpecError: Something in it does not exist or cannot be, with its line.
    """
    place = read_placed(path)
    top = place.mapping(f"key of a {what}", {*_TOP, *more}, ("models", "suites"))
    folder = path.absolute().parent
    base, instruct, experts = _models(top["models"], folder)
    if "languages" in top:
        chosen = read_names(top["languages"], "language", experts)
        experts = {lang: experts[lang] for lang in chosen}
    known = _languages(top["models"])
    suites = read_suites(top["suites"], known, experts)
    methods = top["methods"].entries("merge methods") if "methods" in top else []
    baselines = _baselines(top.get("baselines"), base, experts)
    if not methods and not baselines:
        raise place.fault("there is nothing to evaluate: no methods, no baselines")
    engine = _choice(top.get("engine"), "engine", ENGINES, "hf")
    model_type = _model_type(top.get("model_type"), engine)
    return SweepSpec(
        base=base,
        instruct=instruct,
        experts=experts,
        methods=tuple(methods),
        suites=suites,
        baselines=baselines,
        seeds=_seeds(top.get("seeds")),
        engine=engine,
        model_type=model_type,
        model_args=_model_args(top.get("model_args")),
        dtype=_choice(top.get("dtype"), "dtype", DTYPES, ""),
        special_tokens=_choice(
            top.get("special_tokens"),
            "choice of special tokens",
            SPECIAL_TOKENS,
            AVERAGE,
        ),
        options=read_options(top, ("device", "batch_size")),
        include_path=_include_path(top.get("include_path"), folder),
        place=place,
    )


def _models(placed: Placed, folder: Path) -> tuple[str, str, dict[str, str]]:
    roles = placed.mapping(
        "role of a model", ("base", "instruct", "experts"), ("instruct", "experts")
    )
    base = _model(roles["base"], folder) if "base" in roles else ""
    instruct = _model(roles["instruct"], folder)
    experts = {
        file_part(one, lang): _model(one, folder)
        for lang, one in roles["experts"].mapping("language", ()).items()
    }
    if not experts:
        raise roles["experts"].fault("experts: no language has a model")
    if EVERY in experts:
        raise roles["experts"].fault(f"{EVERY!r} is no language; it is said of tasks")
    places = {**roles, **roles["experts"].value}
    seen: dict[str, str] = {}
    for role, model in {"base": base, "instruct": instruct, **experts}.items():
        if model and model in seen:
            raise places[role].fault(f"{model!r} is both {seen[model]} and {role}")
        seen[model] = role
    return base, instruct, experts


def _languages(models: Placed) -> tuple[str, ...]:
    return tuple(models.value["experts"].value)


def _model(placed: Placed, folder: Path) -> str:
    """Return a folder's whole path, or the id of a model on the hub."""
    text = placed.text("a model")
    path = folder / Path(text).expanduser()
    if path.is_dir():
        return str(path.resolve())
    if text.startswith((".", "/", "~")):
        raise placed.fault(f"the folder of the model {text!r} does not exist: {path}")
    if "+" in text:
        raise placed.fault(
            f"{text!r}: a sweep takes no adapters; merge it into its model first"
        )
    return text


def _baselines(
    placed: Placed | None, base: str, experts: Mapping[str, str]
) -> tuple[str, ...]:
    there = tuple(one for one in BASELINES if one != "base" or base)
    if placed is None or placed.value is True:
        return there
    if placed.value is False:
        return ()
    return read_names(placed, "baseline", dict.fromkeys(there, ""))


def _choice(
    placed: Placed | None, what: str, known: Iterable[str], default: str
) -> str:
    if placed is None:
        return default
    name = placed.text(what)
    if name not in known:
        raise placed.fault(unknown_name(what, name, known))
    return name


def _model_type(placed: Placed | None, engine: str) -> str:
    if placed is None:
        return MODEL_TYPES.get(engine, "hf")
    if engine in MODEL_TYPES:
        raise placed.fault(
            f"model_type is for `engine: disk`; `engine: {engine}` is lm-eval's model"
            f" type {MODEL_TYPES[engine]}"
        )
    return placed.text("model_type")


def _model_args(placed: Placed | None) -> dict[str, Any]:
    if placed is None:
        return {}
    for name, one in placed.mapping("key of model_args", ()).items():
        if name in _OURS:
            raise one.fault(f"model_args: a sweep sets {name} itself")
    found: dict[str, Any] = placed.plain()
    return found


def _seeds(placed: Placed | None) -> tuple[int, ...]:
    if placed is None:
        return ()
    found: list[int] = []
    for one in placed.entries("seeds"):
        seed = one.number("a seed", 0)
        if seed in found:
            raise one.fault(f"the seed {seed} is there twice")
        found.append(seed)
    return tuple(found)


def _include_path(placed: Placed | None, folder: Path) -> str:
    if placed is None:
        return ""
    path = folder / Path(placed.text("include_path")).expanduser()
    if not path.is_dir():
        raise placed.fault(f"include_path: there is no folder {path}")
    return str(path.resolve())
