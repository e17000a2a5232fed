"""Comparisons made by hand: models, samples and numbers of any kind, no files."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from lm_eval_iberian.comparison import (
    Comparer,
    ComparisonReport,
    ComparisonRow,
    SampleRow,
    Subject,
)
from lm_eval_iberian.report import (
    Cell,
    Measure,
    ModelReport,
    Note,
    Report,
    Result,
    Setting,
    load_catalogue,
)
from lm_eval_iberian.report.average import average_of
from lm_eval_iberian.stats.estimate import Difference, Estimate


Samples = Mapping[str, Sequence[Mapping[str, Any]]]


class MadeComparer(Comparer):
    """Answers from what it was given; differences are those of the values."""

    def __init__(self, subjects: Sequence[Subject], samples: Mapping[str, Samples]):
        super().__init__(subjects, load_catalogue())
        self.made = samples

    def estimate(self, subject: str, name: str, metric: str = "") -> Estimate | None:
        model = self.subjects[subject].model
        if name in model.averages:
            value = model.averages[name].value
        else:
            cell = model.cells.get(name) or model.minis.get(name)
            value = cell.measures[cell.metric].value if cell else None
        if value is None:
            return None
        return Estimate(value, value - 2, value + 2, 1.02, 900, 450, 1, "t")

    def rows(self, subject: str, benchmark: str) -> list[list[SampleRow]]:
        found = self.made.get(subject, {}).get(benchmark, ())
        rows = [
            SampleRow(str(one["key"]), str(one["key"]), one, f"{subject}.jsonl:{at}")
            for at, one in enumerate(found, 1)
        ]
        return [rows] if rows else []


def cell(benchmark: str, value: float, file: str = "results_1.json") -> Cell:
    catalogue = load_catalogue()
    one = {**catalogue.benchmarks, **catalogue.minis()}[benchmark]
    metric = catalogue.kind_of(one).metrics[0]
    setting = Setting(one.tasks[0], "1.0", 5)
    measures = {metric: Measure(value, 1.0)}
    result = Result("m", setting, measures, 900, file, 0.0, "1")
    return Cell(one, metric, measures, (result,), 900)


def subject(
    name: str, values: Mapping[str, float], about: Mapping[str, str] | None = None
) -> Subject:
    catalogue = load_catalogue()
    minis = catalogue.minis()
    cells = {key: cell(key, v) for key, v in values.items() if key not in minis}
    averages = {
        column: average_of(cells, ids, block.metric)
        for block in catalogue.blocks.values()
        for column, ids in block.columns.items()
    }
    small = {key: cell(key, v) for key, v in values.items() if key in minis}
    averages = {key: one for key, one in averages.items() if one.measures}
    return Subject(name, ModelReport(averages, cells, minis=small), about or {})


def compared(
    subjects: Sequence[Subject],
    samples: Mapping[str, Samples] | None = None,
    notes: Sequence[Note] = (),
) -> tuple[ComparisonReport, Report]:
    """Return the comparison of subjects with the first, and its report."""
    comparer = MadeComparer(subjects, samples or {})
    base = subjects[0]
    rows = [
        row for other in subjects[1:] for row in _rows(comparer, base.name, other.name)
    ]
    report = Report(comparer.catalogue, {one.name: one.model for one in subjects})
    return ComparisonReport(comparer, base.name, tuple(rows), tuple(notes)), report


def _rows(comparer: MadeComparer, a: str, b: str) -> list[ComparisonRow]:
    catalogue = comparer.catalogue
    known = {**catalogue.benchmarks, **catalogue.minis()}
    metrics = {key: catalogue.kind_of(one).metrics[0] for key, one in known.items()}
    columns = {
        column: block.metric
        for block in catalogue.blocks.values()
        for column in block.columns
    }
    rows = []
    for key, metric in {**columns, **metrics}.items():
        first, second = (comparer.estimate(one, key) for one in (a, b))
        if first is None or second is None:
            continue
        change = second.value - first.value
        p = 0.001 if abs(change) > 2 else 0.4
        difference = Difference(
            first.value, second.value, change, change - 2, change + 2, 1.02, p,
            n=900, clusters=450, gained=151, lost=80, gained_by_chance=40.5,
            lost_by_chance=30.25, correlation=0.5, detectable=2.9, method="t",
        )  # fmt: skip
        one = known.get(key)
        level = "average" if one is None else "benchmark"
        if one is not None and key in catalogue.minis():
            level = "mini"
        rows.append(
            ComparisonRow(
                a, b, key, one.name if one else key, one.lang if one else "",
                level, metric, difference, min(1.0, p * 10),  # type: ignore[arg-type]
            )
        )  # fmt: skip
    return rows


def choice_sample(
    key: int, prompt: str, choices: Sequence[str], right: int, chosen: int
) -> dict[str, Any]:
    values = [-10.0 - abs(at - chosen) for at in range(len(choices))]
    return {
        "key": key,
        "doc": {"question": prompt},
        "target": str(right),
        "arguments": {
            f"gen_args_{at}": {"arg_0": prompt, "arg_1": f" {text}"}
            for at, text in enumerate(choices)
        },
        "resps": [[[str(value), "False"]] for value in values],
        "filtered_resps": [[str(value), "False"] for value in values],
        "acc": float(right == chosen),
    }


def written_sample(key: int, prompt: str, answer: str, right: bool) -> dict[str, Any]:
    """Return an answer to an IFEval prompt that forbids commas."""
    return {
        "key": key,
        "doc": {
            "key": key,
            "prompt": prompt,
            "instruction_id_list": ["punctuation:no_comma"],
            "kwargs": "[{}]",
            "published": '[["punctuation:no_comma"], [{}]]',
            "unsatisfiable": [False],
            "lang": "eu",
        },
        "target": "",
        "arguments": {"gen_args_0": {"arg_0": prompt, "arg_1": {"until": []}}},
        "resps": [[answer]],
        "filtered_resps": [answer],
        "inst_level_strict_acc": [right],
        "inst_level_strict_acc_original": [right],
        "stop_rate": True,
        "run_on_rate": False,
    }


def many_rows(count: int, seed: int = 7) -> tuple[ComparisonReport, Report]:
    """Return two models with as many rows of Belebele, few-shot prompts and all."""
    draw = random.Random(seed)  # noqa: S311
    words = [
        "".join(draw.choices("aeioubdghjklmnprstxz", k=draw.randint(2, 10)))
        for _ in range(8000)
    ]

    # as often as the words of a language are
    often = list(accumulate(1 / rank for rank in range(1, len(words) + 1)))

    def text(length: int) -> str:
        return " ".join(draw.choices(words, cum_weights=often, k=length))

    asked = [f"{text(90)}\nGaldera: {text(12)}" for _ in range(count)]
    options = [[text(6) for _ in range(4)] for _ in range(count)]
    examples = [f"{text(90)}\nErantzuna: {text(4)}" for _ in range(100)]
    samples: dict[str, Samples] = {}
    prompts = [
        "\n\n".join([*draw.sample(examples, 5), asked[at]]) for at in range(count)
    ]
    rights = [draw.randrange(4) for _ in range(count)]
    for name in ("base", "merge"):
        samples[name] = {
            "belebele_eu": [
                choice_sample(
                    at, prompts[at], options[at], rights[at],
                    rights[at] if draw.random() < 0.6 else draw.randrange(4),
                )
                for at in range(count)
            ]
        }  # fmt: skip
    models = [
        subject("base", {"belebele_eu": 60.0}),
        subject("merge", {"belebele_eu": 64.0}),
    ]
    return compared(models, samples)
