"""Which kinds of instructions models follow: the data of a heat map."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lm_eval_iberian.comparison import Comparer, SampleRow
from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.ifeval.registry import INSTRUCTIONS, resolve
from lm_eval_iberian.pictures.models_shown import ModelChoice, ModelsShown
from lm_eval_iberian.report.tables import language_name


METRIC = "inst_level_strict_acc"


@dataclass(frozen=True)
class TypeRow:
    """A kind of instruction.

    Args:
        family: Which it belongs to.
        name: What it is called within it.
        n: How many there are of it; ``3–5`` where models were given different ones.
        shares: How many each model followed, in per cent; ``None``: was given none.
    """

    family: str
    name: str
    n: str
    shares: tuple[float | None, ...]


@dataclass(frozen=True)
class InstructionHeatMap:
    """The kinds of instructions in one set of prompts.

    Args:
        key: What the picture's file is named for.
        title: Which prompts.
        models: The models.
        rows: The kinds, those of a family together; the last is all of them.
    """

    key: str
    title: str
    models: ModelsShown
    rows: tuple[TypeRow, ...]

    @property
    def caption(self) -> str:
        """What a reader must know."""
        return (
            "Instructions followed, in per cent, strict, by kind; n: how many of them"
            " each model was given, in a run. Hatched: none."
            f"{self.models.sentence}"
        )


def gather_instructions(
    comparer: Comparer, choice: ModelChoice
) -> Iterator[InstructionHeatMap]:
    """Yield the kinds of instructions of every set of prompts that has samples.

    Raises:
        DataError: A sample has not a verdict for each of its instructions.
    """
    catalogue = comparer.catalogue
    for key, benchmark in catalogue.every().items():
        if METRIC not in catalogue.kind_of(benchmark).metrics:
            continue
        models = choice.of_benchmark(key)
        found = [verdicts(comparer.rows(one.name, key)) for one in models.models]
        if any(found):
            lang = language_name(benchmark.lang)
            rows = tuple(_rows(found))
            title = f"{benchmark.name}, {lang}: instructions followed, %"
            yield InstructionHeatMap(key, title, models, rows)


Verdicts = Mapping[str, Sequence[Sequence[bool]]]


def verdicts(runs: Sequence[Sequence[SampleRow]]) -> Verdicts:
    """Return the verdicts on every kind of instruction, a list for each run.

    Raises:
        DataError: A sample has not a verdict for each of its instructions.
    """
    found: dict[str, list[list[bool]]] = {}
    for at, run in enumerate(runs):
        for row in run:
            document = row.sample.get("doc")
            ids = document.get("instruction_id_list") if document else None
            said = row.sample.get(METRIC)
            if not isinstance(ids, list) or not isinstance(said, list):
                raise DataError(
                    f"{row.where}: the sample has no doc.instruction_id_list, or no"
                    f" {METRIC}"
                )
            if len(ids) != len(said):
                raise DataError(
                    f"{row.where}: the sample has {len(ids)} instructions and"
                    f" {len(said)} verdicts"
                )
            for name, followed in zip(ids, said, strict=True):
                of_type = found.setdefault(_type(name), [[] for _ in runs])
                of_type[at].append(bool(followed))
    return found


def _type(name: object) -> str:
    """Return the kind of an instruction; of others' kinds, without their language."""
    try:
        return resolve(str(name)).id
    except UnknownNameError:
        return ":".join(str(name).split(":")[-2:])


def _rows(found: Sequence[Verdicts]) -> Iterator[TypeRow]:
    there = {name for one in found for name in one}
    known = [name for name in INSTRUCTIONS if name in there]
    names = [*known, *sorted(there - set(known))]
    families = dict.fromkeys(name.partition(":")[0] for name in names)
    for family in families:
        for name in names:
            if name.partition(":")[0] == family:
                runs = [one.get(name, ()) for one in found]
                yield _row(family, name.partition(":")[2] or name, runs)
    whole = []
    for one in found:
        count = max((len(runs) for runs in one.values()), default=0)
        whole.append([[v for r in one.values() for v in r[at]] for at in range(count)])
    yield _row("", "all instructions", whole)


def _row(family: str, name: str, found: Sequence[Sequence[Sequence[bool]]]) -> TypeRow:
    shares: list[float | None] = []
    counts = set()
    for runs in found:
        every = [verdict for run in runs for verdict in run]
        shares.append(100 * sum(every) / len(every) if every else None)
        counts |= {len(run) for run in runs if run}
    least, most = min(counts), max(counts)
    n = str(least) if least == most else f"{least}–{most}"
    # Google's ids say it of every language
    told = name.removeprefix("english_").replace("_", " ")
    return TypeRow(family, told, n, tuple(shares))
