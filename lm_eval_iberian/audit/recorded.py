"""Verdicts that came with answers, and where they differ from those given here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lm_eval_iberian.ifeval import RowScore, Verdict, resolve
from lm_eval_iberian.ifeval.published_rows import whole_number
from lm_eval_iberian.ifeval.registry import bare_id, why_unchecked
from lm_eval_iberian.terminal import one_line, shown


KINDS: Final = ("strict", "loose")
Place = tuple[str, int]


@dataclass(frozen=True)
class Recorded:
    """Somebody's verdicts on one answer.

    Attributes:
        ids: The instructions, as they were listed; None where they were not.
        verdicts: For ``strict`` and ``loose``, as far as given, one for each of them.
    """

    ids: tuple[str, ...] | None
    verdicts: Mapping[str, tuple[bool, ...]]


@dataclass(frozen=True)
class OtherVerdict:
    """A verdict that is not the one given here.

    Attributes:
        where: File and line of the answer.
        name: What the row is called: its key, or its number.
        instruction_id: Google's id.
        kind: ``strict`` or ``loose``.
        stored: The verdict that came with the answer; the one here is its contrary.
        reason: Why it is the contrary here; the reason of the strict verdict.
        original: What the original scoring says; None where it leaves the type out.
        original_reason: And why.
        excerpt: The beginning of the answer, on one line.
    """

    where: str
    name: str
    instruction_id: str
    kind: str
    stored: bool
    reason: str
    original: bool | None
    original_reason: str
    excerpt: str


@dataclass
class TypeCount:
    """How stored verdicts on one instruction type compare.

    Attributes:
        compared: How many verdicts were compared.
        only_stored: Passed there, failed here.
        only_ours: Failed there, passed here.
        as_original: Differences in which the original scoring says what is stored.
    """

    compared: int = 0
    only_stored: int = 0
    only_ours: int = 0
    as_original: int = 0

    def add(self, other: TypeCount) -> None:
        """Add the counts of another."""
        self.compared += other.compared
        self.only_stored += other.only_stored
        self.only_ours += other.only_ours
        self.as_original += other.as_original


class Comparison:
    """Stored verdicts beside those given here, answer by answer.

    Attributes:
        counts: By ``strict`` or ``loose``, and by instruction type.
        differences: Every verdict that differs.
        unchecked: Types that nothing here checks, each with its number of verdicts.
        absent: How many instructions the prompt here does not have: it was repaired.
        faults: Rows whose verdicts cannot be compared, each with the reason.
    """

    def __init__(self) -> None:
        self.counts: dict[str, dict[str, TypeCount]] = {}
        self.differences: list[OtherVerdict] = []
        self.unchecked: Counter[str] = Counter()
        self.absent = 0
        self.faults: list[str] = []

    def add(
        self,
        recorded: Recorded,
        published: Sequence[str],
        scores: Mapping[str, RowScore],
        where: tuple[str, str],
    ) -> None:
        """Compare the verdicts on one answer.

        Args:
            recorded: What is stored.
            published: The ids of the prompt, for verdicts that list none.
            scores: What the scorings ``repaired`` and ``original`` say.
            where: File and line, and what the row is called.
        """
        ids = published if recorded.ids is None else recorded.ids
        lang = scores["repaired"].answered.row.profile.code
        ours = {name: _by_place(score) for name, score in scores.items()}
        said = one_line(scores["repaired"].answered.response or "", 120)
        for kind, verdicts in recorded.verdicts.items():
            if len(verdicts) != len(ids):
                count = f"{len(verdicts)} {kind} verdicts on {len(ids)} instructions"
                self.faults.append(f"{where[1]}: {count}")
                break
            for place, stored in zip(_places(ids, lang), verdicts, strict=True):
                if isinstance(place, str):
                    self.unchecked[place] += 1
                elif place not in ours["repaired"]:
                    self.absent += 1
                else:
                    found = {n: pairs.get(place) for n, pairs in ours.items()}
                    self._compare(place[0], kind, stored, found, (*where, said))

    def _compare(
        self,
        name: str,
        kind: str,
        stored: bool,
        found: Mapping[str, Mapping[str, Verdict] | None],
        where: tuple[str, str, str],
    ) -> None:
        count = self.counts.setdefault(kind, {}).setdefault(name, TypeCount())
        count.compared += 1
        ours, original = found["repaired"], found["original"]
        if ours is None or ours[kind].followed == stored:
            return
        same = original is not None and original[kind].followed == stored
        count.only_stored += stored
        count.only_ours += not stored
        count.as_original += same
        self.differences.append(
            OtherVerdict(
                where=shown(where[0]),
                name=where[1],
                instruction_id=name,
                kind=kind,
                stored=stored,
                reason=one_line(ours[kind].reason),
                original=None if original is None else original[kind].followed,
                original_reason=one_line(original[kind].reason) if original else "",
                excerpt=where[2],
            )
        )


def read_recorded(
    row: Mapping[str, Any], path: Path
) -> tuple[Recorded | None, str | None]:
    """Return the verdicts that a row carries, or why they cannot be read.

    Two forms: ``follow_instruction_list`` as Google's ``evaluation_main`` writes it,
    loose in a file that is called so, and ``inst_level_strict_acc`` and ``…_loose_acc``
    in the samples that lm-eval logs.
    """
    doc = row.get("doc")
    if isinstance(doc, Mapping):
        ids = doc.get("instruction_id_list")
        given = {kind: row.get(f"inst_level_{kind}_acc") for kind in KINDS}
    else:
        ids = row.get("instruction_id_list")
        kind = "loose" if "loose" in path.name.lower() else "strict"
        given = {kind: row.get("follow_instruction_list")}
    given = {kind: values for kind, values in given.items() if values is not None}
    if not given:
        return None, None
    if not isinstance(ids, list) or not all(isinstance(name, str) for name in ids):
        return None, "its verdicts have no list of instructions beside them"
    verdicts = {kind: _flags(values) for kind, values in given.items()}
    if any(flags is None for flags in verdicts.values()):
        return None, f"its verdicts are no list of true and false: {one_line(given)}"
    told = {kind: flags for kind, flags in verdicts.items() if flags is not None}
    whole, all_of = row.get("follow_all_instructions"), [*map(all, told.values())]
    if isinstance(whole, bool) and all_of != [whole]:
        return None, f"follow_all_instructions is {whole}, but its list says otherwise"
    return Recorded(tuple(ids), told), None


def read_verdict_row(row: Mapping[str, Any]) -> tuple[tuple[str, int], Recorded]:
    """Return model and key of a row of verdicts alone, and the verdicts.

    The model is empty where the row names none.
    """
    model, key = row.get("model"), whole_number(row["key"])
    verdicts = {kind: _flags(row.get(kind)) for kind in KINDS}
    told = {kind: flags for kind, flags in verdicts.items() if flags is not None}
    ids = row.get("instruction_id_list")
    listed = tuple(map(str, ids)) if isinstance(ids, list) else None
    name = model if isinstance(model, str) else ""
    return (name, key if isinstance(key, int) else -1), Recorded(listed, told)


def _flags(values: object) -> tuple[bool, ...] | None:
    """Return verdicts; 0 and 1 are some, null is none."""
    if not isinstance(values, list):
        return None
    if not all(isinstance(value, bool | int) and value in (0, 1) for value in values):
        return None
    return tuple(map(bool, values))


def _places(ids: Iterable[str], lang: str) -> Iterator[Place | str]:
    """Yield of each instruction its id and the how-manieth of its type it is.

    Yields:
        The place; of a type that nothing here checks in a language, its name.
    """
    seen: Counter[str] = Counter()
    for given in ids:
        if why_unchecked(given, lang) is not None:
            yield one_line(bare_id(given), 60)
            continue
        name = resolve(given).id
        yield name, seen[name]
        seen[name] += 1


def _by_place(score: RowScore) -> dict[Place, dict[str, Verdict]]:
    """Return a row's verdicts by the place of their instruction."""
    places = _places(score.instruction_ids, score.answered.row.profile.code)
    rows = zip(places, score.strict, score.loose, strict=True)
    return {
        place: {"strict": strict, "loose": loose}
        for place, strict, loose in rows
        if not isinstance(place, str)
    }
