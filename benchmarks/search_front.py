"""Hold the fronts of searches against grids of as many items, over several seeds.

    python benchmarks/search_front.py MODELS OUT

MODELS is a folder with the demo's models: base, instruct, expert-eu. Of every front the
area is told that it covers in gain and instructions, down to no gain and to the
instructions that may be lost: on the items that it was chosen by, and on those held
out. A grid has as many merges, each done whole, as the search has done items for; of
two grids, one weight and a weight for each third of the depth, the better one counts.
"""

from __future__ import annotations

import itertools
import json
import sys
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
THIRDS = ("low", "middle", "high")


def main(models: Path, out: Path, sampler: str = "tpe") -> None:
    wins = 0
    for seed in SEEDS:
        plan, report, split, seconds = searched(models, out, seed, sampler)
        grid = out / "grid"
        points = report.spent // report.whole
        side = int(round(points ** (1 / 3), 6))
        one = [
            {"task_arithmetic.weight": MOST * (at + 1) / points} for at in range(points)
        ]
        steps = [MOST * (at + 1) / side for at in range(side)]
        cube = [
            {f"task_arithmetic 2.weight.experts.{third}": round(value, 4)
             for third, value in zip(THIRDS, values, strict=True)}
            for values in itertools.product(steps, repeat=3)
        ]  # fmt: skip
        fronts = {
            "search": [(p.development, p.held_out) for p in report.points],
            "one weight": grid_front(plan, split, grid, "task_arithmetic", one),
            "thirds": grid_front(plan, split, grid, "task_arithmetic 2", cube),
        }
        areas = {name: areas_of(found) for name, found in fronts.items()}
        best = max(area for name, (area, _) in areas.items() if name != "search")
        held = max(area for name, (_, area) in areas.items() if name != "search")
        wins += areas["search"][0] >= best
        print(
            json.dumps(
                {
                    "seed": seed, "seconds": round(seconds), "spent": report.spent,
                    "candidates": report.candidates, "stopped": dict(report.stopped),
                    "grid": points, "areas": areas,
                    "not_worse": areas["search"][0] >= best,
                    "not_worse_held_out": areas["search"][1] >= held,
                }
            ),
            flush=True,
        )  # fmt: skip
    print(f"not worse in {wins} of {len(SEEDS)} seeds")


def searched(
    models: Path, out: Path, seed: int, sampler: str
) -> tuple[SearchPlan, FrontReport, Split, float]:
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
            "sampler": sampler, "seed": seed, "candidates": 48, "delta": DELTA,
            "no_stop": 20, "run_on": 20,
        },
    }  # fmt: skip
    if sampler == "cmaes":
        del spec["methods"][0]  # type: ignore[attr-defined]
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"search-{seed}.yaml"
    path.write_text(yaml.safe_dump(spec, sort_keys=False), "utf-8")
    begun = time.monotonic()
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
    return plan, report, split, time.monotonic() - begun


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

        def done(name: str, values: dict[str, float]) -> tuple[CandidateItems, ...]:
            if name == INSTRUCT:
                cells = list(plan.instruct)
            else:
                cells = plan.space.cells({METHOD: label, **values}, name)
                folder.note_proposed(name, values, cells[0].recipe)
            if folder.look(name, 0) is None:
                with evaluation.model(cells, folder.recipe(name)) as model:
                    for at, side in enumerate(("development", "held_out")):
                        items = {t: getattr(s, side) for t, s in split.items()}
                        folder.note_look(name, at, model.rows(items), 0.0)
            return tuple(of_looks(name, [folder.look(name, at) or {}]) for at in (0, 1))

        base = done(INSTRUCT, {})
        found = []
        for values in every:
            name = "-".join(
                [label.replace(" ", ""), *(f"{v:.4f}" for v in values.values())]
            )
            mine = done(name, values)
            found.append(
                tuple(
                    standing(*pair, plan.tasks) for pair in zip(mine, base, strict=True)
                )
            )
    kept = [one for one in found if one[0].keeps(plan.settings)]
    points = [(one[0].gain.difference, one[0].instructions.difference) for one in kept]
    return [(kept[at][0], kept[at][1]) for at in nobody_beats(points)]


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
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
