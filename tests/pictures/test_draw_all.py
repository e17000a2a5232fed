"""Every picture that the data allows, of results and samples as lm-eval writes them."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from made_results import Results
from made_sweeps import MadeSweep, galician, two_methods

from lm_eval_iberian.comparison.comparing import (
    CompareOptions,
    Comparer,
    subjects_of,
)
from lm_eval_iberian.errors import DataError, MissingExtraError, UnknownNameError
from lm_eval_iberian.health.examination import RATES
from lm_eval_iberian.pictures import (
    Drawing,
    Picture,
    draw_all,
    drawings,
    svg_of,
)
from lm_eval_iberian.pictures.dot_plot import DotBand, DotColumn, draw_dots
from lm_eval_iberian.pictures.models_shown import ModelShown
from lm_eval_iberian.pictures.picture_style import picture_style
from lm_eval_iberian.report import (
    Report,
    SweepReport,
    SweepView,
    build_report,
    find_sweeps,
    load_catalogue,
    report_sweeps,
)
from lm_eval_iberian.stats.estimate import Estimate


STRICT = "inst_level_strict_acc"
KINDS = ("keywords:existence", "punctuation:no_comma", "es:special_character:tildes")


def instructions(folder: Path, model: str, shares: Mapping[str, float]) -> None:
    """Write ten prompts of two instructions, with samples; one kind each, then all."""
    followed = [[i < 10 * shares.get(kind, 0.5) for i in range(10)] for kind in KINDS]
    rows = []
    for i in range(10):
        ids = [KINDS[0], KINDS[1 + i % 2]]
        said = [followed[0][i], followed[1 + i % 2][i]]
        rates = {rate: rate == "stop_rate" for rate in RATES} | {"loop_rate": i == 0}
        rows.append(
            {
                "doc_id": i, "doc_hash": f"hash{i}", "filter": "none",
                "doc": {"key": i, "prompt": f"p{i}", "instruction_id_list": ids},
                "arguments": {"gen_args_0": {"arg_0": f"p{i}"}},
                "resps": [["a"]], "filtered_resps": ["a"], STRICT: said, **rates,
            }
        )  # fmt: skip
    verdicts = [one for row in rows for one in row[STRICT]]
    results = Results(folder)
    path = results.write(
        {
            "ifeval_eu_mini": {
                f"{STRICT},none": sum(verdicts) / len(verdicts),
                "stop_rate,none": 1.0, "run_on_rate,none": 0.0,
            }
        },
        model, shots=0, n=10, chat_template="<s>", chat_template_sha="abc",
    )  # fmt: skip
    stamp = path.stem.removeprefix("results_")
    samples = path.with_name(f"samples_ifeval_eu_mini_{stamp}.jsonl")
    samples.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def everything_of(
    folder: Path,
) -> tuple[Comparer, Report, list[SweepReport]]:
    catalogue = load_catalogue()
    sweeps = find_sweeps([folder], catalogue, {})
    report = build_report([folder])
    found = report_sweeps(sweeps, report, SweepView(), lambda p: build_report([p]))
    subjects = subjects_of(report)
    return Comparer(subjects, catalogue, CompareOptions(resamples=200)), report, found


def drawn(
    folder: Path, into: Path, **more: Any
) -> tuple[dict[str, Picture], list[str]]:
    reasons: list[str] = []
    found = draw_all(*everything_of(folder), into, on_left_out=reasons.append, **more)
    return {one.path.stem: one for one in found}, reasons


@pytest.mark.slow
def test_of_a_sweep_there_is_all_that_needs_no_samples(tmp_path: Path) -> None:
    two_methods(tmp_path / "sweep")
    pictures, reasons = drawn(tmp_path / "sweep", tmp_path / "new" / "pictures")
    assert list(pictures) == [
        "weight_curves", "tradeoff", "language_scores", "health_ifeval_gl",
    ]  # fmt: skip
    for name, picture in pictures.items():
        assert picture.path == tmp_path / "new" / "pictures" / f"{name}.svg"
        assert picture.path.read_text("utf-8").startswith("<svg ")
        assert picture.path.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
        assert picture.title
        assert picture.caption.endswith(".")
    assert reasons == [
        "Instructions followed by kind: no model has samples of such answers"
    ]
    again, _ = drawn(tmp_path / "sweep", tmp_path / "again")
    for name in pictures:
        for suffix in (".svg", ".png"):
            paths = [p[name].path.with_suffix(suffix) for p in (pictures, again)]
            assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.slow
def test_of_samples_there_are_kinds_of_instructions_and_health(tmp_path: Path) -> None:
    for name, share in (("org/one", 0.25), ("org/two", 0.75)):
        instructions(tmp_path / "out", name, {KINDS[0]: share})
    pictures, reasons = drawn(tmp_path / "out", tmp_path / "pictures")
    assert list(pictures) == [
        "language_scores",
        "instructions_ifeval_eu_mini",
        "health_ifeval_eu_mini",
    ]
    assert reasons == [
        "Language gained against instructions kept: it is not said which of the models"
        " is the instructed one"
    ]


def only(folder: Path, key: str) -> Drawing:
    (found,) = (one for one in drawings(*everything_of(folder)) if one.key == key)
    return found


def data_of(drawing: Drawing) -> Any:
    return drawing.draw.args[0]  # type: ignore[attr-defined]


def test_kinds_are_counted_in_the_samples(tmp_path: Path) -> None:
    for name, share in (("org/one", 0.25), ("org/two", 0.75)):
        instructions(tmp_path, name, {KINDS[0]: share, KINDS[2]: 1.0})
    data = data_of(only(tmp_path, "instructions_ifeval_eu_mini"))
    rows = [(r.family, r.name, r.n, r.shares) for r in data.rows]
    assert rows == [
        ("keywords", "existence", "10", (30.0, 80.0)),
        ("punctuation", "no comma", "5", (60.0, 60.0)),
        # one of another's, without its language
        ("special_character", "tildes", "5", (100.0, 100.0)),
        ("", "all instructions", "20", (55.0, 80.0)),
    ]


def test_a_model_without_samples_is_hatched(tmp_path: Path) -> None:
    instructions(tmp_path, "org/one", {})
    Results(tmp_path).write({"ifeval_eu_mini": {f"{STRICT},none": 0.5}}, "org/two")
    data = data_of(only(tmp_path, "instructions_ifeval_eu_mini"))
    assert [one.name for one in data.models.models] == ["org/one", "org/two"]
    assert all(row.shares[1] is None for row in data.rows)
    assert "Hatched: none." in data.caption


def test_rates_are_those_of_the_results_and_of_the_samples(tmp_path: Path) -> None:
    instructions(tmp_path, "org/one", {})
    data = data_of(only(tmp_path, "health_ifeval_eu_mini"))
    found = {
        column.title: column.values[0] for band in data.bands for column in band.columns
    }
    assert [found["stops ↑"].value, found["runs on ↓"].value] == [100, 0]
    assert found["loops ↓"].value == 10
    # never empty, though no answer differs from another
    assert found["stops ↑"].low < 100
    assert found["empty ↓"].high > 0


def test_intervals_of_shares_stay_between_0_and_100(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from matplotlib.axes import Axes

    lines = []
    plot = Axes.plot

    def spy(axes: Axes, xs: Any, ys: Any, **more: Any) -> Any:
        lines.append(list(xs))
        return plot(axes, xs, ys, **more)

    monkeypatch.setattr(Axes, "plot", spy)
    column = DotColumn("stops", (Estimate(98, 94, 102), Estimate(1, -1, 3)))
    models = [ModelShown("one"), ModelShown("two")]
    with picture_style():
        draw_dots(models, [DotBand("health", "%", (column,), whole=True)])
    assert [one for one in lines if len(one) == 2] == [[94, 100], [0, 3]]


def test_samples_that_do_not_fit_are_said(tmp_path: Path) -> None:
    instructions(tmp_path, "org/one", {})
    (samples,) = tmp_path.rglob("samples_*.jsonl")
    rows = [json.loads(line) for line in samples.read_text("utf-8").splitlines()]
    rows[3]["doc"]["instruction_id_list"].pop()
    samples.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    reasons: list[str] = []
    comparer, report, sweeps = everything_of(tmp_path)
    comparer.options = CompareOptions(keep_going=True)
    list(drawings(comparer, report, sweeps, on_left_out=reasons.append))
    assert any(
        "line 4: the sample has 1 instructions and 2 verdicts" in one for one in reasons
    ), reasons


def test_the_front_is_what_no_other_merge_beats(tmp_path: Path) -> None:
    two_methods(tmp_path / "sweep")
    data = data_of(only(tmp_path / "sweep", "tradeoff"))
    (panel,) = data.panels
    assert panel.title == "Galician"
    found = {p.name: (p.gained.difference, p.kept.difference) for p in panel.points}
    assert (
        found.items()
        >= {
            "base": (25, -62.5),
            "linear weight=0.5": (25, -25),
            "fused_task_arithmetic weight=0.25": (12.5, 0),
            "nearswap t=0.5": (50, -75),
        }.items()
    )
    assert [one.name for one in panel.points if one.front] == [
        "linear weight=0.5", "linear weight=1", "fused_task_arithmetic weight=0.25",
        "fused_task_arithmetic weight=0.5", "nearswap t=0.5",
    ]  # fmt: skip


def test_outside_of_sweeps_the_instructed_model_is_said(tmp_path: Path) -> None:
    results = Results(tmp_path)
    for name, share, kept in (("i", 0.5, 0.75), ("a", 0.75, 0.5), ("b", 0.5, 0.25)):
        results.write(galician(share), name)
        told = {f"{STRICT},none": kept, f"{STRICT}_stderr,none": 0.01}
        results.write({"iberian_ifeval_gl": told}, name, shots=0)
    comparer, report, _ = everything_of(tmp_path)
    found = {one.key: one for one in drawings(comparer, report, [], baseline="i")}
    (panel,) = data_of(found["tradeoff"]).panels
    assert [(p.name, p.gained.difference, p.front) for p in panel.points] == [
        ("a", 25, True),
        ("b", 0, False),
    ]
    with pytest.raises(UnknownNameError, match="Unknown model 'j'"):
        list(drawings(comparer, report, [], baseline="j"))


def test_models_that_cannot_be_compared_are_said(tmp_path: Path) -> None:
    results = Results(tmp_path)
    for name, shots in (("i", 5), ("a", 5), ("b", 0)):
        results.write(galician(0.5), name, shots=shots)
        results.write({"iberian_ifeval_gl": {f"{STRICT},none": 0.5}}, name, shots=0)
    comparer, report, _ = everything_of(tmp_path)
    reasons: list[str] = []
    given = comparer, report, [], "i", reasons.append
    found = {one.key: one for one in drawings(*given)}
    assert [p.name for p in data_of(found["tradeoff"]).panels[0].points] == ["a"]
    assert found["tradeoff"].caption.endswith("cannot be compared with i: b.")
    assert "instructions kept, b: " in reasons[0]
    assert "shots 0, not 5" in reasons[0]


def test_without_a_whole_average_benchmarks_are_shown(tmp_path: Path) -> None:
    Results(tmp_path).write({"belebele_eng_Latn": 0.5, "galcola": 0.25}, "org/one")
    data = data_of(only(tmp_path, "language_scores"))
    assert "no average has all of its benchmarks" in data.caption
    assert [(b.title, [c.title for c in b.columns]) for b in data.bands] == [
        ("English", ["Belebele"]),
        ("Galician", ["GalCoLA"]),
    ]


def test_of_too_many_models_baselines_and_best_points_stay(tmp_path: Path) -> None:
    sweep = MadeSweep(tmp_path / "sweep")
    sweep.model("instruct", {"choice": galician(0.5)})
    points = {f"{at / 100:.2f}": (at / 100, 0.5) for at in range(1, 60)}
    sweep.merges("linear", points)
    data = data_of(only(tmp_path / "sweep", "language_scores"))
    names = [one.name for one in data.models.models]
    assert (len(names), names[0]) == (40, "instruct")
    assert "linear-gl-weight0.59" in names
    assert "40 of 60 models" in data.caption


def test_a_drawing_stands_inside_of_a_page(tmp_path: Path) -> None:
    Results(tmp_path).write({"belebele_eng_Latn": 0.5}, "a$<b>$")
    text = svg_of(only(tmp_path, "language_scores"))
    assert text.startswith("<svg ")
    assert "a$&lt;b&gt;$" in text


def test_what_is_missing_or_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Results(tmp_path / "out").write({"belebele_eng_Latn": 0.5}, "org/one")
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(DataError, match="cannot be made"):
        drawn(tmp_path / "out", tmp_path / "file")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"lm-eval-iberian\[pictures\]"):
        drawn(tmp_path / "out", tmp_path / "pictures")
