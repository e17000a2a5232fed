"""Hold the fronts of searches against grids of as many items, over several seeds.

Of every front the area is told that it covers in gain and instructions, down to no gain
and to the instructions that may be lost: on the items that it was chosen by, and on
those held out. A grid does at least as many items as a search, each of its merges all
of them; of two grids, one weight and a weight for each third of the depth, the better
one counts.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Sequence
from pathlib import Path

import yaml

from lm_eval_iberian.search.candidate_evaluation import CandidateEvaluation
from lm_eval_iberian.search.candidate_items import CandidateItems
from lm_eval_iberian.search.candidate_race import Race
from lm_eval_iberian.search.front_report import FrontReport, front_report, write_report
from lm_eval_iberian.search.item_split import Split
from lm_eval_iberian.search.pareto_front import covered_area, nobody_beats
from lm_eval_iberian.search.proposals import Proposals
from lm_eval_iberian.search.racing import Standing, standing
from lm_eval_iberian.search.search_folder import INSTRUCT, SearchFolder, of_looks
from lm_eval_iberian.search.search_plan import SearchPlan, begin_search, make_search
from lm_eval_iberian.search.search_rounds import search
from lm_eval_iberian.search.search_space import METHOD


SEEDS = (1, 2, 3, 4, 5)
DELTA, MOST = 15.0, 1.2
POINTS, STEPS = 20, (2, 3, 3)
# of 81 that are for development: a round of four more is no more than the grid's
ITEMS = 81 * (POINTS - 4)
THIRDS = ("low", "middle", "high")


def main(models: Path, out: Path, sampler: str = "tpe") -> None:
    wins = wins_held_out = 0
    grids: dict[str, tuple[float, float]] = {}
    for seed in SEEDS:
        begun = time.monotonic(), time.process_time()
        plan, report, split = searched(models, out, seed, sampler)
        seconds, cpu = time.monotonic() - begun[0], time.process_time() - begun[1]
        if report.spent > POINTS * report.whole:
            raise SystemExit(
                f"seed {seed} did more items than the grids: {report.spent}"
            )
        grids = grids or {
            label: areas_of(grid_front(plan, split, out / "grid", label, every))
            for label, every in (
                ("task_arithmetic", one_weight()),
                ("task_arithmetic 2", weights_of_thirds()),
            )
        }
        ours = areas_of([(p.development, p.held_out) for p in report.points])
        best = tuple(max(one[at] for one in grids.values()) for at in (0, 1))
        wins += ours[0] >= best[0]
        wins_held_out += ours[1] >= best[1]
        said = {
            "seed": seed, "seconds": round(seconds), "cpu_seconds": round(cpu),
            "items": report.spent, "items_of_a_grid": POINTS * report.whole,
            "stopped": dict(report.stopped), "search": ours, "grids": grids,
        }  # fmt: skip
        print(json.dumps(said), flush=True)
    print(
        f"not worse than the best grid in {wins} of {len(SEEDS)} seeds, on items held"
    )
    print(f"out in {wins_held_out}")


def one_weight() -> list[dict[str, float]]:
    name = "task_arithmetic.weight"
    return [{name: round(MOST * (at + 1) / POINTS, 4)} for at in range(POINTS)]


def weights_of_thirds() -> list[dict[str, float]]:
    axes = [[round(MOST * (at + 1) / n, 4) for at in range(n)] for n in STEPS]
    return [
        {
            f"task_arithmetic 2.weight.experts.{third}": value
            for third, value in zip(THIRDS, values, strict=True)
        }
        for values in itertools.product(*axes)
    ]


def searched(
    models: Path, out: Path, seed: int, sampler: str
) -> tuple[SearchPlan, FrontReport, Split]:
    spec = {
        "models": {
            "base": str(models / "base"), "instruct": str(models / "instruct"),
            "experts": {"eu": str(models / "expert-eu")},
        },
        "methods": [
            {"method": "task_arithmetic", "weight": f"0..{MOST}"},
            {"method": "task_arithmetic",
             "weight": {"experts": f"0..{MOST} by third"}},
        ],
        "suites": {
            "language": {"tasks": {"eu": ["iberian_perplexity_eu_mini"]}},
            "instructions": {
                "tasks": {"all": ["iberian_demo_instructions_en", "ifeval_eu_mini"]},
                "apply_chat_template": True, "gen_kwargs": {"max_gen_toks": 112},
            },
        },
        "dtype": "float32", "batch_size": 50, "device": "cpu",
        "search": {
            "sampler": sampler, "seed": seed, "candidates": 4 * POINTS,
            "items": ITEMS, "delta": DELTA, "no_stop": 20, "run_on": 20,
        },
    }  # fmt: skip
    if sampler == "cmaes":
        del spec["methods"][0]  # type: ignore[attr-defined]
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"search-{seed}.yaml"
    path.write_text(yaml.safe_dump(spec, sort_keys=False), "utf-8")
    plan = make_search(path, out)
    folder = SearchFolder(out / f"search-{seed}")
    with (
        CandidateEvaluation(
            plan.sweep.cells, plan.sweep.settings, out / "log.txt"
        ) as evaluation,
        folder.held(),
    ):
        split = begin_search(plan, folder, evaluation)
        race = Race(plan, folder, split, evaluation)
        proposals = Proposals(plan.space, plan.settings, folder.journal)
        found = search(
            plan, race, proposals, lambda some: [race.run(*one) for one in some]
        )
        report = front_report(plan, race, found, split)
        write_report(plan, folder, report)
    return plan, report, split


def grid_front(
    plan: SearchPlan, split: Split, out: Path, label: str,
    every: Sequence[dict[str, float]],
) -> list[tuple[Standing, Standing]]:  # fmt: skip
    """Return the front of a grid, chosen on one half and told on the other too."""
    out.mkdir(parents=True, exist_ok=True)
    folder = SearchFolder(out)
    with CandidateEvaluation(
        plan.sweep.cells, plan.sweep.settings, out / "log.txt"
    ) as evaluation:

        def done(name: str, values: dict[str, float], at: int) -> CandidateItems:
            """Return what a merge does on a half, which is done once for all seeds."""
            if name == INSTRUCT:
                cells = list(plan.instruct)
            else:
                cells = plan.space.cells({METHOD: label, **values}, name)
                folder.note_proposed(name, values, cells[0].recipe)
            if (rows := folder.look(name, at)) is None:
                side = ("development", "held_out")[at]
                items = {task: getattr(one, side) for task, one in split.items()}
                with evaluation.model(cells, folder.recipe(name)) as model:
                    rows = model.rows(items)
                folder.note_look(name, at, rows, 0.0)
            return of_looks(name, [rows])

        def stands(at: int, values: dict[str, float]) -> Standing:
            name = "-".join([label.replace(" ", ""), *map(str, values.values())])
            base = done(INSTRUCT, {}, at)
            return standing(done(name, values, at), base, plan.tasks)

        found = [(stands(0, values), values) for values in every]
        kept = [one for one in found if one[0].keeps(plan.settings)]
        points = [(one.gain.difference, one.instructions.difference) for one, _ in kept]
        return [(kept[at][0], stands(1, kept[at][1])) for at in nobody_beats(points)]


def areas_of(front: Sequence[tuple[Standing, Standing]]) -> tuple[float, float]:
    """Return the area that a front covers, on both halves."""
    development, held_out = (
        covered_area(
            [
                (one[at].gain.difference, one[at].instructions.difference)
                for one in front
            ],
            (0.0, -DELTA),
        )
        for at in (0, 1)
    )
    return round(development, 1), round(held_out, 1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "models", type=Path, help="the demo's models: base, instruct, expert-eu"
    )
    parser.add_argument("out", type=Path, help="where searches and grids are, or go on")
    parser.add_argument("--sampler", default="tpe", help="tpe, cmaes or nsga2")
    given = parser.parse_args()
    main(given.models, given.out, given.sampler)
