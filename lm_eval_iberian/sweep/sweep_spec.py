"""What a sweep is to do: a specification, read and checked by itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lm_eval_iberian.errors import unknown_name
from lm_eval_iberian.sweep.placed_yaml import Placed, read_placed
from mergekit_ext.dtypes import DTYPES


ENGINES = ("hf", "disk")
BASELINES = ("base", "instruct", "experts")
SPECIAL_TOKENS = ("average", "instruct", "base")
# tasks of a suite that every model is evaluated on, whatever its languages
EVERY = "all"

_TOP = {
    "models", "methods", "suites", "languages", "baselines", "seeds", "engine",
    "model_type", "model_args", "dtype", "special_tokens", "device", "batch_size",
    "include_path",
}  # fmt: skip
_SUITE = {
    "tasks", "num_fewshot", "limit", "gen_kwargs", "apply_chat_template",
    "system_instruction", "batch_size", "runs",
}  # fmt: skip
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.]{0,40}")
# what a sweep itself says of a model
_OURS = ("recipe", "pretrained", "model", "weights", "merge_seed")


@dataclass(frozen=True)
class SweepSuite:
    """Tasks that are evaluated under the same settings.

    Attributes:
        name: What results call it.
        tasks: Language, or ``EVERY``, to names of tasks.
        template_for: Whose prompts get a chat template: ``none``, ``all``, or ``chat``,
            those of merges and of the instructed model: no other was taught one.
        options: lm-eval's options.
        runs: How often it is run, each time with other seeds for sampling.
        place: Where it stands.
    """

    name: str
    tasks: Mapping[str, tuple[str, ...]]
    template_for: str
    options: Mapping[str, Any]
    runs: int
    place: Placed = field(compare=False, repr=False)


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
        engine: ``hf`` merges in memory, ``disk`` into a folder that is deleted.
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


def read_spec(path: Path) -> SweepSpec:
    """Read a specification; nothing but the file itself is opened.

    Raises:
        SweepSpecError: Something in it does not exist or cannot be, with its line.
    """
    place = read_placed(path)
    top = place.mapping("key of a sweep", _TOP, ("models", "suites"))
    folder = path.absolute().parent
    base, instruct, experts = _models(top["models"], folder)
    if "languages" in top:
        chosen = _names(top["languages"], "language", experts)
        experts = {lang: experts[lang] for lang in chosen}
    known = _languages(top["models"])
    suites = _suites(top["suites"], known, experts)
    methods = top["methods"].entries("merge methods") if "methods" in top else []
    baselines = _baselines(top.get("baselines"), base, experts)
    if not methods and not baselines:
        raise place.fault("there is nothing to evaluate: no methods, no baselines")
    engine = _choice(top.get("engine"), "engine", ENGINES)
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
        dtype=_choice(top.get("dtype"), "dtype", ("", *DTYPES)),
        special_tokens=_choice(
            top.get("special_tokens"), "choice of special tokens", SPECIAL_TOKENS
        ),
        options=_options(top, ("device", "batch_size")),
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
        _name(one, lang): _model(one, folder)
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
    return text


def _name(placed: Placed, name: str) -> str:
    if not _NAME.fullmatch(name) or "__" in name:
        raise placed.fault(
            f"{name!r} is to be part of a file's name: up to 41 letters, digits, dots"
            " and single underscores"
        )
    return name


def _suites(
    placed: Placed, known: tuple[str, ...], used: Mapping[str, str]
) -> tuple[SweepSuite, ...]:
    found = [
        _suite(name, one, known, used)
        for name, one in placed.mapping("suite", ()).items()
    ]
    if not any(suite.tasks for suite in found):
        raise placed.fault("suites: there is no task")
    return tuple(found)


def _suite(
    name: str, placed: Placed, known: tuple[str, ...], used: Mapping[str, str]
) -> SweepSuite:
    keys = placed.mapping("key of a suite", _SUITE, ("tasks",))
    tasks: dict[str, tuple[str, ...]] = {}
    listed = keys["tasks"].mapping("language of tasks", (*known, EVERY))
    for lang, one in listed.items():
        names = _names(one, "task", None)
        if lang in used or lang == EVERY:
            tasks[lang] = names
    whose = _template_for(keys.get("apply_chat_template"))
    runs = keys["runs"].number("runs", 1) if "runs" in keys else 1
    options = _options(
        keys, ("num_fewshot", "limit", "gen_kwargs", "system_instruction", "batch_size")
    )
    return SweepSuite(_name(placed, name), tasks, whose, options, runs, placed)


def _template_for(placed: Placed | None) -> str:
    if placed is None or placed.value is False:
        return "none"
    if placed.value is True:
        return "chat"
    if placed.value != "all":
        raise placed.fault(
            f"apply_chat_template must be true (for merges and the instructed model),"
            f" all or false, found {placed.plain()!r}"
        )
    return "all"


def _options(keys: Mapping[str, Placed], names: tuple[str, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in names:
        if (placed := keys.get(name)) is not None:
            found[name] = _option(name, placed)
    return found


def _option(name: str, placed: Placed) -> Any:
    if name == "num_fewshot":
        return placed.number(name, 0)
    if name == "limit":
        return placed.number(name, 1)
    if name == "gen_kwargs":
        placed.mapping("key of gen_kwargs", ())
        return placed.plain()
    if name == "batch_size" and type(placed.value) is int:
        return placed.number(name, 1)
    return placed.text(name)


def _names(
    placed: Placed, what: str, known: Mapping[str, str] | None
) -> tuple[str, ...]:
    found: list[str] = []
    for one in placed.entries(f"{what}s"):
        name = one.text(f"a {what}")
        if known is not None and name not in known:
            raise one.fault(unknown_name(what, name, known))
        if name in found:
            raise one.fault(f"the {what} {name!r} is there twice")
        found.append(name)
    return tuple(found)


def _baselines(
    placed: Placed | None, base: str, experts: Mapping[str, str]
) -> tuple[str, ...]:
    there = tuple(one for one in BASELINES if one != "base" or base)
    if placed is None or placed.value is True:
        return there
    if placed.value is False:
        return ()
    return _names(placed, "baseline", dict.fromkeys(there, ""))


def _choice(placed: Placed | None, what: str, known: tuple[str, ...]) -> str:
    if placed is None:
        return known[0]
    name = placed.text(what)
    if name not in known:
        raise placed.fault(unknown_name(what, name, filter(None, known)))
    return name


def _model_type(placed: Placed | None, engine: str) -> str:
    if placed is None:
        return "merged" if engine == "hf" else "hf"
    if engine == "hf":
        raise placed.fault(
            "model_type is for `engine: disk`; `engine: hf` is lm-eval's model type"
            " merged"
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
