"""The demo from nothing to its table: train, sweep, report."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from lm_eval_iberian.corpus.prose import languages
from lm_eval_iberian.demo.merges import merge_and_measure, report
from lm_eval_iberian.demo.spec import DemoSpec
from lm_eval_iberian.errors import DataError, MissingExtraError, UnknownNameError
from lm_eval_iberian.files import write_whole
from lm_eval_iberian.paths import data
from lm_eval_iberian.terminal import console as plain_console


Work = Callable[[], None]


def run(spec: DemoSpec, out: Path, console: Console | None = None) -> Path:
    """Run the demo in ``out`` and return the path of its Markdown table.

    What an earlier run of the same spec left whole is reused.

    Raises:
        UnknownNameError: A language without prose and grammar.
        MissingExtraError: matplotlib is not installed.
        DataError: ``out`` holds a demo of another spec.
        CommandError: A step of the sweep failed.
    """
    console = console or plain_console()
    for lang in spec.languages:
        if lang not in set(languages()) - {"en"}:
            known = set(languages()) - {"en"}
            raise UnknownNameError("language of the demo", lang, known)
    if not spec.languages:
        raise DataError("the demo needs at least one language, e.g. eu")
    if find_spec("matplotlib") is None:  # better now than after five minutes
        raise MissingExtraError(
            "matplotlib is not installed, the demo draws its plot with it:"
            " pip install 'lm-eval-iberian[demo]'"
        )
    _claim(spec, out)
    train_all(spec, out, console)
    merge_and_measure(spec, out, console)
    return report(out, console)


def train_all(spec: DemoSpec, out: Path, console: Console) -> None:
    """Train the models that are not there yet; the base first, then one to a core."""
    if all((out / "models" / name).is_dir() for name in spec.models):
        console.print(f"models: {len(spec.models)} reused from {out / 'models'}")
        return
    from lm_eval_iberian.demo.jobs import prepare
    from lm_eval_iberian.demo.train import Job, train

    console.print("preparing text and tokenizer …")
    jobs = prepare(spec, out / "models")
    stop = threading.Event()
    with _bar(console) as bar:

        def work(job: Job) -> None:
            task = bar.add_task(f"train {job.name}", total=job.training.steps, note="")

            def progress(step: int, loss: float) -> None:
                bar.update(task, completed=step, note=f"loss {loss:.2f}")
                if stop.is_set():
                    raise KeyboardInterrupt

            train(job, spec.shape, progress)

        missing = [job for job in jobs if not job.out.is_dir()]
        for ready in (
            [job for job in missing if job.start is None],
            [job for job in missing if job.start is not None],
        ):
            _all_done([partial(work, job) for job in ready], stop)


def _claim(spec: DemoSpec, out: Path) -> None:
    """Mark ``out`` as this spec's, or refuse to mix two."""
    mark = out / "spec.json"
    ours = {"spec": spec.digest, "data": _data_digest()}
    if mark.is_file():
        try:
            theirs = json.loads(mark.read_text("utf-8"))
        except ValueError as error:
            raise DataError(f"{mark} is not JSON: remove it to start anew") from error
        if theirs != ours:
            raise DataError(
                f"{out} holds a demo of other settings or another version of the data:"
                " choose another --out, or remove the folder"
            )
        return
    if out.is_dir() and any(out.iterdir()):
        raise DataError(f"{out} is not empty and holds no demo: choose another --out")
    out.mkdir(parents=True, exist_ok=True)
    write_whole(mark, json.dumps(ours))


def _data_digest() -> str:
    digest = hashlib.blake2b(digest_size=6)
    for path in sorted((data() / "demo").rglob("*.*")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:<32}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=console,
    )


def _all_done(works: Iterable[Work], stop: threading.Event) -> None:
    """Do independent works, one to a core.

    After the first error ``stop`` is set, nothing new is begun, and it is raised once
    those under way have ended.
    """
    workers = max(1, min(4, os.cpu_count() or 1))
    with ThreadPoolExecutor(max_workers=workers) as pool:
        futures = [pool.submit(work) for work in works]
        try:
            for future in as_completed(futures):
                future.result()
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise
