"""Repairs rows of the paper's prompts, and tells which entries found their fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal

from lm_eval_iberian.errors import DataError, UnknownNameError, unknown_name
from lm_eval_iberian.ifeval.registry import resolve
from lm_eval_iberian.ifeval.repair_actions import ACTIONS, Row
from lm_eval_iberian.paths import data
from lm_eval_iberian.toml import read_toml


_COMMON: Final = frozenset({"action", "reason", "source"})
_RULES: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {"wrap_string": frozenset({"fields"}), "normalise_newlines": frozenset()}
)
# action -> what it needs, what it may have besides
_ROWS: Final[Mapping[str, tuple[frozenset[str], frozenset[str]]]] = MappingProxyType(
    {
        "drop": (frozenset(), frozenset({"blank"})),
        "drop_instruction": (frozenset({"instruction_id"}), frozenset()),
        "set": (frozenset({"instruction_id", "kwarg", "from", "to"}), frozenset()),
        "set_id": (frozenset({"from", "to"}), frozenset({"count"})),
        "replace_text": (frozenset({"from", "to"}), frozenset({"in_answers"})),
        "add_instruction": (frozenset({"instruction_id"}), frozenset({"kwargs"})),
        "unsatisfiable": (frozenset(), frozenset({"instruction_id"})),
        "note": (frozenset(), frozenset()),
    }
)


@dataclass(frozen=True)
class Repair:
    """One entry.

    Attributes:
        action: What to do, e.g. ``set``; a ``note`` does nothing.
        reason: What is wrong with the row.
        source: The observation it rests on.
        keys: The rows; none for a rule, which holds for every row.
        values: What the action needs: ``instruction_id``, ``from``, ``to`` …
    """

    action: str
    reason: str
    source: str
    keys: tuple[int, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_note(self) -> bool:
        """Whether the entry says something about rows and changes nothing."""
        return self.action == "note"

    @property
    def answer_forms(self) -> tuple[tuple[str, str], ...]:
        """What answers to the published text write, and what it is in the repaired."""
        if self.action != "replace_text":
            return ()
        own = [(self.values["from"], self.values["to"])]
        return tuple((old, new) for old, new in self.values.get("in_answers", own))

    @property
    def change(self) -> str:
        """The change in a few words."""
        v = self.values
        match self.action:
            case "set":
                return f"{v['instruction_id']}, {v['kwarg']}: {_change(v)}"
            case "set_id" | "replace_text":
                return _change(v)
            case "wrap_string":
                return f"{', '.join(v['fields'])}: 'x' → ['x']"
            case "normalise_newlines":
                return r"'\r\n' → '\n'"
            case "add_instruction":
                return f"+ {v['instruction_id']} {dict(v.get('kwargs', {})) or ''}"
            case "drop_instruction":
                return f"- {v['instruction_id']}"
            case "unsatisfiable":
                return str(v.get("instruction_id", "every instruction"))
            case "drop":
                return "- row, its prompt is missing" if v.get("blank") else "- row"
        return ""


@dataclass(frozen=True)
class Repairs:
    """The entries of a language's file, in the order in which they apply."""

    version: int
    entries: tuple[Repair, ...] = ()

    @property
    def count(self) -> int:
        """How many of the entries change something: a note is no repair."""
        return sum(not entry.is_note for entry in self.entries)


def read_repairs(lang: str) -> Repairs:
    """Return the repairs of a language's paper set; none where there is no file.

    Raises:
        DataError: An entry is not of the form that its action has.
    """
    path = data() / "ifeval" / "repairs" / f"{lang}.toml"
    if not path.is_file():
        return Repairs(version=0)
    found = read_toml(path)
    entries = []
    for number, entry in enumerate(
        [*found.get("rules", []), *found.get("rows", [])], start=1
    ):
        try:
            entries.append(read_entry(entry))
        except (DataError, UnknownNameError) as error:
            raise DataError(f"{path}, entry {number}: {error}") from error
    return Repairs(int(found["version"]), tuple(entries))


def read_entry(entry: dict[str, Any]) -> Repair:
    """Read one entry: a rule for every row, or a repair of rows that it names.

    Raises:
        DataError: Its action is unknown, or its fields are not those of the action.
        UnknownNameError: It names an instruction that does not exist.
    """
    action = str(entry.get("action"))
    if action in _RULES:
        return _rule(entry)
    if action in _ROWS:
        return _row(entry)
    raise DataError(unknown_name("action", action, [*_RULES, *_ROWS]))


def _rule(entry: dict[str, Any]) -> Repair:
    """Read an entry that holds for every row."""
    _require(entry, _COMMON | _RULES[entry["action"]], frozenset())
    return _repair(entry, ())


def _row(entry: dict[str, Any]) -> Repair:
    """Read an entry that names rows by ``key`` or ``keys``."""
    action = entry["action"]
    keys = entry.get("keys", [entry["key"]] if "key" in entry else [])
    if not keys or not all(isinstance(key, int) for key in keys):
        raise DataError(f"{action} needs a 'key' or 'keys', whole numbers")
    needs, may = _ROWS[action]
    _require(entry, _COMMON | needs, may | {"key", "keys", "where"})
    named = {"instruction_id"} | ({"from", "to"} if action == "set_id" else set())
    for name in named & set(entry):
        resolve(entry[name])
    for pair in entry.get("in_answers", []):
        if not isinstance(pair, list) or list(map(type, pair)) != [str, str]:
            raise DataError(
                f"{action}: 'in_answers' holds pairs of texts, not {pair!r}"
            )
    if action == "add_instruction":
        resolve(entry["instruction_id"]).validate(entry.get("kwargs"))
    return _repair(entry, tuple(keys))


def _require(entry: dict[str, Any], needs: frozenset[str], may: frozenset[str]) -> None:
    action = entry["action"]
    for name in sorted(needs):
        if not entry.get(name) and entry.get(name) != 0:
            raise DataError(f"{action} needs {name!r}")
    for name in entry:
        if name not in needs | may:
            raise DataError(unknown_name(f"field of {action}", name, needs | may))


def _repair(entry: dict[str, Any], keys: tuple[int, ...]) -> Repair:
    rest = {k: v for k, v in entry.items() if k not in _COMMON | {"key", "keys"}}
    return Repair(
        entry["action"],
        entry["reason"],
        entry["source"],
        keys,
        MappingProxyType(rest),
    )


def _change(values: Mapping[str, Any]) -> str:
    return f"{values['from']!r} → {values['to']!r}"


Status = Literal["applied", "not found", "no such key", "noted"]


@dataclass(frozen=True)
class Outcome:
    """What became of an entry in one row, or of a rule in all of them.

    Attributes:
        repair: The entry.
        key: The row; ``None`` for a rule.
        status: ``not found``: the row does not have the fault.
        rows: How many rows were changed.
    """

    repair: Repair
    key: int | None
    status: Status
    rows: int


@dataclass
class Mending:
    """Applies repairs row by row and remembers what they did."""

    repairs: Repairs
    _applied: Counter[tuple[int, int | None]] = field(default_factory=Counter)
    _keys: set[int] = field(default_factory=set)
    _forms: dict[object, list[tuple[str, str]]] = field(default_factory=dict)

    def mend(self, row: Row) -> Row | None:
        """Return the row repaired, or as it is, or ``None`` where it is dropped.

        A row whose fields are not of the right type is left for its reader to refuse.
        """
        key = row.get("key")
        if isinstance(key, int):
            self._keys.add(key)
        for number, repair in enumerate(self.repairs.entries):
            if repair.keys and key not in repair.keys:
                continue
            if not _there(repair, row):
                continue
            if repair.action == "drop":
                self._applied[number, key] += 1
                return None
            mended = ACTIONS[repair.action](row, repair.values)
            if mended is not None:
                row = mended
                self._forms.setdefault(key, []).extend(repair.answer_forms)
                self._applied[number, key if repair.keys else None] += 1
        return row

    def answer_forms(self, key: object) -> tuple[tuple[str, str], ...]:
        """Return the ``answer_forms`` of the repairs that changed a row so far."""
        # a key may be anything here, and its reader refuses what is no number
        return tuple(self._forms.get(key, ())) if isinstance(key, int) else ()

    def outcomes(self) -> tuple[Outcome, ...]:
        """Return what every entry did so far, in the order of the entries."""
        return tuple(
            Outcome(repair, key, self._status(number, repair, key), rows)
            for number, repair in enumerate(self.repairs.entries)
            for key in (repair.keys or (None,))
            for rows in (self._applied[number, key],)
        )

    def _status(self, number: int, repair: Repair, key: int | None) -> Status:
        if key is not None and key not in self._keys:
            return "no such key"
        if repair.is_note:
            return "noted"
        return "applied" if self._applied[number, key] else "not found"


def _there(repair: Repair, row: Row) -> bool:
    """Tell whether a row's prompt is one that the entry is about."""
    text = row.get("prompt") or ""
    if repair.values.get("blank"):
        return not str(text).strip()
    return repair.values.get("where", "") in str(text)
