"""Train families of models here, sweep every method, and tell what it keeps.

A family is a base, an instructed model and an expert of each language; its seed decides
the first weights, the texts and the instructions. The demo's trainer and data, a size
up: eight layers and five million parameters. What is left whole is not done again.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors import safe_open

from lm_eval_iberian.demo.commands import run_iberian
from lm_eval_iberian.demo.jobs import prepare
from lm_eval_iberian.demo.merges import INSTRUCTIONS, PERPLEXITY
from lm_eval_iberian.demo.spec import DemoSpec, Shape, Training
from lm_eval_iberian.demo.train import train
from lm_eval_iberian.files import write_whole
from lm_eval_iberian.terminal import console


SEEDS = 3
LANGUAGES = ("eu", "gl")
BASELINE = "task_arithmetic"
SHAPE = Shape(hidden=224, intermediate=608, layers=8)
BASE = Training(1100, 1.5e-3, rows=8)
INSTRUCT = Training(900, 1e-3, rows=8, tokens=96)
EXPERT = Training(500, 7e-4, rows=8)
ANSWER_TOKENS = 96
METHODS = Path(__file__).with_suffix(".yaml")
# no curve here comes much further than 60 %, which is where merges come apart
AT = ("25", "50", "60")
_SAID = 50
_FOLLOWING = f"{INSTRUCTIONS}:prompt_level_strict_acc=English instructions followed"
_LANGUAGE = f"{PERPLEXITY}:byte_perplexity=perplexity of the language"


def families(seeds: int, languages: tuple[str, ...], scale: float) -> list[DemoSpec]:
    """Return what the models of each seed are trained by."""
    return [
        DemoSpec(
            languages=languages, key=f"keep-instructions-{seed}", shape=SHAPE,
            base=BASE, instruct=INSTRUCT, expert=EXPERT, answer_tokens=ANSWER_TOKENS,
        ).scaled(scale)
        for seed in range(1, seeds + 1)
    ]  # fmt: skip


def claim(folder: Path, spec: DemoSpec) -> None:
    """Mark a family's folder as trained by a spec, or refuse to mix two."""
    mark = folder / "spec.txt"
    if mark.is_file() and mark.read_text("utf-8") != spec.digest:
        raise SystemExit(
            f"{folder} has models of another --scale, --lang or version: choose another"
            " folder, or remove it"
        )
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(mark, spec.digest)


def train_families(every: Mapping[Path, DemoSpec]) -> dict[str, float]:
    """Train what is missing, a model to a core; return wall and processor seconds."""
    begun = time.monotonic()
    cpu, running = 0.0, dict[Future[float], tuple[Path, str]]()
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=spawn) as pool:

        def begin(folder: Path, name: str) -> None:
            work = pool.submit(train_one, folder, every[folder], name)
            running[work] = folder, name

        for folder in every:
            begin(folder, "base")
        while running:
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for one in done:
                folder, name = running.pop(one)
                cpu += one.result()
                if name == "base":
                    for other in every[folder].models[1:]:
                        begin(folder, other)
    return {"seconds": time.monotonic() - begun, "processor_seconds": cpu}


def train_one(folder: Path, spec: DemoSpec, name: str) -> float:
    """Train a model unless it is there; return the processor's seconds."""
    models = folder / "models"
    if (models / name).is_dir():
        return 0.0
    torch.set_num_threads(1)
    before = time.process_time()
    job = next(one for one in prepare(spec, models) if one.name == name)
    losses: list[float] = []

    def progress(step: int, loss: float) -> None:
        losses.append(loss)
        if step % _SAID == 0 or step == job.training.steps:
            mean = sum(losses[-_SAID:]) / len(losses[-_SAID:])
            said = f"{step}/{job.training.steps} loss {mean:.2f}"
            print(f"{folder.name} {name} {said}", file=sys.stderr, flush=True)

    train(job, spec.shape, progress)
    return time.process_time() - before


def sweep_of(spec: DemoSpec, methods: list[Mapping[str, Any]]) -> str:
    """Return the specification of a family's sweep, for a file beside ``models``."""
    tasks = {lang: [PERPLEXITY.format(lang=lang)] for lang in spec.languages}
    return yaml.safe_dump(
        {
            "models": {
                "base": "models/base",
                "instruct": "models/instruct",
                "experts": {lang: f"models/expert-{lang}" for lang in spec.languages},
            },
            "methods": methods,
            "baselines": ["instruct", "experts"],
            "suites": {
                "kept": {
                    "tasks": {"all": [INSTRUCTIONS], **tasks},
                    "apply_chat_template": True,
                    "gen_kwargs": {"max_gen_toks": spec.answer_tokens},
                }
            },
            "special_tokens": "instruct",
            "dtype": "float32",
            "batch_size": 100,
        },
        sort_keys=False,
    )


def measure(
    every: Mapping[Path, DemoSpec], methods: list[Mapping[str, Any]], name: str
) -> list[Path]:
    """Evaluate every merge that has no result yet; return the sweeps."""
    jobs, said = str(os.cpu_count()), console()
    for folder, spec in every.items():
        sweep, written = str(folder / name), folder / f"{name}.yaml"
        write_whole(written, sweep_of(spec, methods))
        run_iberian(["sweep", "plan", str(written), "-o", sweep], said)
        run_iberian(["sweep", "run", sweep, "--jobs", jobs], said)
    return [folder / name for folder in every]


def tell(out: Path, sweeps: list[Path]) -> None:
    """Show the frontier, and leave it in the folder as a table, data and a picture."""
    scores = ["--language-score", _LANGUAGE, "--following", _FOLLOWING]
    asked = ["frontier", *map(str, sweeps), *scores, "--baseline", BASELINE]
    for gain in AT:
        asked += ["--at", gain]
    told = out / f"{sweeps[0].name}_frontier"
    for kind in ("json", "csv", "md"):
        run_iberian([*asked, "-o", f"{told}.{kind}"], console())
    run_iberian([*asked, "--plot", f"{told}.png"], console())


def parameters(folder: Path) -> int:
    """Return how many numbers a model has."""
    with safe_open(folder / "model.safetensors", "pt") as file:
        return sum(file.get_tensor(name).numel() for name in file.keys())  # noqa: SIM118


def main(
    out: Path, seeds: int, languages: tuple[str, ...], scale: float, methods: Path
) -> None:
    entries = yaml.safe_load(methods.read_text("utf-8"))
    specs = families(seeds, languages, scale)
    every = {out / f"seed{at}": spec for at, spec in enumerate(specs, start=1)}
    for folder, spec in every.items():
        claim(folder, spec)
    trained = train_families(every)
    begun = time.monotonic()
    sweeps = measure(every, entries, "sweep" if methods == METHODS else methods.stem)
    swept = time.monotonic() - begun
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    tell(out, sweeps)
    said = {
        "seeds": seeds,
        "layers": SHAPE.layers,
        "parameters": parameters(out / "seed1" / "models" / "base"),
        "training": {name: round(value) for name, value in trained.items()},
        "sweeping": {"seconds": round(swept)},
        "processor_seconds_of_all": round(children.ru_utime + children.ru_stime),
    }
    print(json.dumps(said))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="the folder, which is gone on with")
    parser.add_argument("--seeds", type=int, default=SEEDS, metavar="N")
    parser.add_argument(
        "--lang", action="append", choices=LANGUAGES, help="all of them, if left out"
    )
    parser.add_argument(
        "--scale", type=float, default=1.0, help="a share of the training steps"
    )
    parser.add_argument(
        "--methods", type=Path, default=METHODS, help="what is swept: a sweep's methods"
    )
    given = parser.parse_args()
    if given.seeds < 1:
        parser.error(f"there must be a seed, found --seeds {given.seeds}")
    if not 0 < given.scale <= 1:
        parser.error(f"a share lies above 0, and not above 1: --scale {given.scale}")
    if not given.methods.is_file():
        parser.error(f"there is no such file: --methods {given.methods}")
    langs = tuple(dict.fromkeys(given.lang or LANGUAGES))
    main(given.out, given.seeds, langs, given.scale, given.methods)
