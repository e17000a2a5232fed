"""What a merged model was made of, as its folder or its sweep tells it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lm_eval_iberian.cards.public_names import is_hub_id, public_name
from lm_eval_iberian.errors import DataError
from lm_eval_iberian.report.sweep_results import SweptModel
from mergekit_ext.errors import InputError
from mergekit_ext.inputs.checkpoints import locate
from mergekit_ext.inputs.turn_ends import TurnEnds, read_turn_ends
from mergekit_ext.outputs.former_merge import CONFIG, MARK, PROVENANCE
from mergekit_ext.recipes.recipe import Model


_CARD = "README.md"
_FRONT = re.compile(r"\A---\s*\n(.*?)\n---\s*(?:\n|\Z)", re.S)
_MOST = 200_000


@dataclass(frozen=True)
class MergedModel:
    """One of the models that went into a merge.

    Args:
        name: Its public name.
        given: As the recipe has it.
        parameters: What the recipe says of it, in words.
        commit: The commit of the hub that was read, where that is known.
        is_base: Whether it is the base that others are compared with.
        license: What its own card says, empty where that is not known.
        languages: What its own card says.
    """

    name: str
    given: str
    parameters: str = ""
    commit: str = ""
    is_base: bool = False
    license: str = ""
    languages: tuple[str, ...] = ()

    @property
    def repo(self) -> str:
        """Its id on the hub, empty where it is not there."""
        bare = self.name.partition("+")[0].partition("@")[0]
        return bare if is_hub_id(bare) else ""

    @property
    def result_names(self) -> tuple[str, ...]:
        """What results may call it: a revision stands in brackets there."""
        bare, _, revision = self.name.partition("@")
        apart = f"{bare} (revision={revision})" if revision else bare
        return (self.name, self.given, apart)


@dataclass(frozen=True)
class MergeOrigin:
    """What a model was made of.

    Args:
        method: The merge method.
        recipe: The recipe, its models under their public names.
        models: Its models, the base first.
        date: When it was merged, a day, where that is known.
        versions: Package to version, where that is known.
        seed: That of the method's masks, ``None`` where it draws none.
        turns: What it ends its turns on, ``None`` where there is no folder.
        template_of: Whose chat template it carries, where that is known.
        languages: Those of its experts, where a sweep says so.
    """

    method: str
    recipe: Mapping[str, Any]
    models: tuple[MergedModel, ...]
    date: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    seed: int | None = None
    turns: TurnEnds | None = None
    template_of: str = ""
    languages: tuple[str, ...] = ()

    def is_like(self, other: MergeOrigin) -> bool:
        """Return whether another is by the same recipe, whoever computed it."""
        return _essence(self) == _essence(other)


def _essence(origin: MergeOrigin) -> dict[str, Any]:
    plain = origin.method.removeprefix("fused_")
    kept = {k: v for k, v in origin.recipe.items() if k != "merge_method"}
    return {**kept, "merge_method": plain}


def read_origin(folder: Path, renamed: Mapping[str, str]) -> MergeOrigin:
    """Return what the model in a folder was made of.

    Args:
        folder: What a merge wrote.
        renamed: Names to use in the place of others.

    Raises:
        DataError: It is no model, or there is no recipe in it.
    """
    if not (folder / CONFIG).is_file():
        raise DataError(
            f"{folder} has no {CONFIG}: give the folder that iberian merge or"
            " mergekit-yaml wrote"
        )
    content = _provenance(folder / PROVENANCE)
    recipe = content.get("parsed_recipe") or _recipe(folder / MARK)
    if not isinstance(recipe, dict) or "merge_method" not in recipe:
        raise DataError(
            f"{folder} has neither {PROVENANCE} nor {MARK} with a recipe: it says"
            " nowhere what it was merged of; merge it again with iberian merge"
        )
    seeds, turns = content.get("seeds"), content.get("turns")
    seed = seeds.get("method") if isinstance(seeds, dict) else None
    like = turns.get("like") if isinstance(turns, dict) else None
    versions = content.get("versions")
    return MergeOrigin(
        method=str(content.get("method") or recipe["merge_method"]),
        recipe=_published(recipe, renamed),
        models=tuple(_models(recipe, renamed, _commits(content))),
        date=str(content.get("date") or "")[:10],
        versions={str(k): str(v) for k, v in versions.items()}
        if isinstance(versions, dict)
        else {},
        seed=seed if isinstance(seed, int) else None,
        turns=read_turn_ends(folder.name, folder),
        template_of=_called(like, renamed) if isinstance(like, str) else "",
    )


def origin_in_sweep(swept: SweptModel, renamed: Mapping[str, str]) -> MergeOrigin:
    """Return what a merge of a sweep was made of, whether or not it has a folder.

    Raises:
        DataError: Its plan has no recipe.
    """
    recipe, _, seed = json.loads(swept.subject)
    if not isinstance(recipe, dict) or "merge_method" not in recipe:
        raise DataError(f"{swept.name} has no recipe in the plan of its sweep")
    return MergeOrigin(
        method=str(recipe["merge_method"]),
        recipe=_published(recipe, renamed),
        models=tuple(_models(recipe, renamed, {})),
        seed=seed if isinstance(seed, int) else None,
        languages=swept.languages,
    )


def _provenance(path: Path) -> dict[str, Any]:
    """Return what a merge has left of itself, nothing where that cannot be read."""
    try:
        found = json.loads(path.read_bytes()) if path.is_file() else {}
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON, or cannot be read: {error}") from error
    return found if isinstance(found, dict) else {}


def _recipe(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text("utf-8")) if path.is_file() else None
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        said = " ".join(str(error).split())[:200]
        raise DataError(f"{path} is not YAML, or cannot be read: {said}") from error


def _commits(content: Mapping[str, Any]) -> dict[str, str]:
    """Return the commit of each model that came from the hub."""
    models = content.get("models")
    return {
        str(one.get("model")): str(one["commit"])
        for one in (models if isinstance(models, list) else ())
        if isinstance(one, dict) and one.get("commit")
    }


def _models(
    recipe: Mapping[str, Any], renamed: Mapping[str, str], commits: Mapping[str, str]
) -> Iterator[MergedModel]:
    """Yield every model of a recipe once, the base first."""
    base = recipe.get("base_model")
    listed = recipe.get("models")
    parameters = {
        one.get("model"): one.get("parameters")
        for one in (listed if isinstance(listed, list) else ())
        if isinstance(one, dict) and isinstance(one.get("model"), str)
    }
    found = [base] if isinstance(base, str) else []
    for given in dict.fromkeys([*found, *_references(recipe)]):
        card = _card_of(given)
        said = card.get("license")
        languages = card.get("language")
        spoken = languages if isinstance(languages, list) else [languages]
        yield MergedModel(
            _called(given, renamed),
            given,
            _in_words(parameters.get(given)),
            commits.get(given, ""),
            given == base,
            said if isinstance(said, str) else "",
            tuple(one for one in spoken if isinstance(one, str)),
        )


def _references(node: Any, key: str = "") -> Iterator[str]:
    """Yield what a recipe refers to as models, in its order."""
    if isinstance(node, dict):
        for name, value in node.items():
            yield from _references(value, str(name))
    elif isinstance(node, list):
        for value in node:
            yield from _references(value, key)
    elif isinstance(node, str) and key in ("model", "base_model", "path"):
        yield node


def _published(node: Any, renamed: Mapping[str, str]) -> Any:
    """Return a recipe without the folders of this machine."""
    known = set(_references(node))

    def publish(value: Any) -> Any:
        if isinstance(value, dict):
            return {str(key): publish(one) for key, one in value.items()}
        if isinstance(value, list):
            return [publish(one) for one in value]
        if isinstance(value, str) and (value in known or _is_folder(value)):
            return _called(value, renamed)
        return value

    return publish(node)


def _is_folder(text: str) -> bool:
    starts = text.startswith(("/", "./", "../", "~", "\\")) or text[1:3] == ":\\"
    return starts and "\n" not in text


def _called(given: str, renamed: Mapping[str, str]) -> str:
    """Return the public name of a reference, with its revision and its adapter."""
    if given in renamed:
        return renamed[given]
    path, plus, adapter = given.partition("+")
    path, at, revision = path.partition("@")
    name = public_name(renamed.get(path, path))
    name = renamed.get(name, name)
    more = f"+{public_name(adapter)}" if plus else ""
    return f"{name}{at}{revision}{more}"


def _in_words(parameters: object) -> str:
    if not isinstance(parameters, dict):
        return ""
    return ", ".join(f"{name} {value}" for name, value in parameters.items())


def _card_of(given: str) -> dict[str, Any]:
    """Return the metadata of a model's own card, where it is here."""
    path, _, revision = given.partition("+")[0].partition("@")
    try:
        folder = locate(Model(given, path, revision or None))
        file = None if folder is None else folder / _CARD
        if file is None or not file.is_file() or file.stat().st_size > _MOST:
            return {}
        found = _FRONT.match(file.read_text("utf-8"))
        content = yaml.safe_load(found[1]) if found else None
    except (InputError, OSError, ValueError, RecursionError, yaml.YAMLError):
        return {}  # what is not to be read says nothing
    return content if isinstance(content, dict) else {}
