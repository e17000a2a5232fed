"""A cell of a sweep, as its folder holds it, and which cells ``--only`` asks for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import yaml

from lm_eval_iberian.errors import DataError, UnknownNameError


@dataclass(frozen=True)
class SweepCell:
    """One evaluation: a model, the tasks of a suite in a language, a run.

    Attributes:
        id: Its name, and that of its folder.
        model: What results call the model.
        role: ``merge``, ``base``, ``instruct`` or ``expert``.
        languages: The languages of its experts.
        method: The merge method; empty for a baseline.
        values: What the specification sets for the merge, as texts.
        recipe: The recipe; ``None`` for a baseline.
        pretrained: The baseline, a folder or an id; empty for a merge.
        merge_seed: For mergekit's own methods that draw at random.
        suite: The suite.
        group: The language of the tasks, or ``all``.
        tasks: Their names.
        options: lm-eval's options.
        run: Which of the suite's runs it is, from 0.
    """

    id: str
    model: str
    role: str
    languages: tuple[str, ...]
    method: str
    values: Mapping[str, str]
    recipe: Mapping[str, Any] | None
    pretrained: str
    merge_seed: int | None
    suite: str
    group: str
    tasks: tuple[str, ...]
    options: Mapping[str, Any]
    run: int

    def as_data(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        found: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return found

    @staticmethod
    def from_data(data: Mapping[str, Any]) -> SweepCell:
        """Return the cell that ``as_data`` wrote."""
        lists = {name: tuple(data[name]) for name in ("languages", "tasks")}
        return SweepCell(**{**data, **lists})

    @property
    def subject(self) -> str:
        """What tells its model from others: of one subject all are the same merge."""
        return canonical([self.recipe, self.pretrained, self.merge_seed])

    @property
    def parts(self) -> frozenset[str]:
        """The models that it is made of, or the one that it is."""
        recipe = self.recipe or {}
        listed = [entry["model"] for entry in recipe.get("models", ())]
        named = (self.pretrained, str(recipe.get("base_model", "")), *listed)
        return frozenset(filter(None, named))


def recipe_yaml(recipe: Mapping[str, Any] | None) -> str:
    """Return a recipe as a file holds it."""
    return yaml.safe_dump(dict(recipe or {}), sort_keys=False, allow_unicode=True)


def canonical(value: Any) -> str:
    """Return a value as JSON, the same whatever the order of keys."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def chosen(cells: Iterable[SweepCell], only: Iterable[str]) -> list[SweepCell]:
    """Return the cells that ``--only key=value`` asks for; of several keys all hold.

    Raises:
        DataError: It is no key with a value.
        UnknownNameError: There is no such key or value.
    """
    found = list(cells)
    for text in only:
        key, sign, value = text.partition("=")
        known = sorted({name for cell in found for name in _facets(cell)})
        if not sign:
            raise DataError(f"--only takes KEY=VALUE, found {text!r}")
        if key not in known:
            raise UnknownNameError("key of --only", key, known)
        values = {one for cell in found for one in _facets(cell).get(key, ())}
        if value not in values:
            raise UnknownNameError(f"value of --only {key}", value, values)
        found = [cell for cell in found if value in _facets(cell).get(key, ())]
    return found


def _facets(cell: SweepCell) -> dict[str, tuple[str, ...]]:
    return {
        "id": (cell.id,),
        "model": (cell.model,),
        "role": (cell.role,),
        "language": cell.languages,
        "suite": (cell.suite,),
        "group": (cell.group,),
        "task": cell.tasks,
        "run": (str(cell.run),),
        **({"method": (cell.method,)} if cell.method else {}),
        **{name: (text,) for name, text in cell.values.items()},
    }
