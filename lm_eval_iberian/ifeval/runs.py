"""Several answers files: runs on the same prompts, or an error."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.ifeval.answers import Answers
from lm_eval_iberian.ifeval.pairing import Asked, Matched, match


@dataclass(frozen=True)
class Runs:
    """Answers to the same prompts.

    Attributes:
        each: One for each run.
        copies: A line for each file that holds no answers but those of another.
    """

    each: tuple[Matched, ...]
    copies: tuple[str, ...] = ()


def match_runs(
    files: Iterable[Answers], asked: Asked, *, keep_going: bool = False
) -> Runs:
    """Find the prompts of answers files, each a run on the same prompts.

    A file that holds the same answers as another, or some of them, is no run.

    Args:
        files: What was read.
        asked: The prompts.
        keep_going: Leave out rows that cannot be used, and of several runs the prompts
            that not all of them answer.

    Raises:
        DataError: A file cannot be used, or the runs are on different prompts.
    """
    each: list[Matched] = []
    copies = []
    for answers in files:
        run = match(asked, answers, keep_going=keep_going)
        whole = next((other for other in each if _within(run, other)), None)
        if whole is not None:
            copies.append(_copy(run, whole))
            continue
        copies += [_copy(other, run) for other in each if _within(other, run)]
        each = [other for other in each if not _within(other, run)]
        each.append(run)
    return Runs(_on_the_same(asked, each, keep_going), tuple(copies))


def _within(run: Matched, other: Matched) -> bool:
    """Tell whether a run has no answer that another one does not have."""
    return _said(run).items() <= _said(other).items()


def _copy(run: Matched, whole: Matched) -> str:
    if len(run.given) == len(whole.given):
        return f"{run.path} holds the same answers as {whole.path}, counts once"
    return f"{run.path} holds no answer that {whole.path} does not hold, is no run"


def _said(run: Matched) -> dict[int, str | None]:
    return {key: answer.response for key, answer in run.given.items()}


def _on_the_same(
    asked: Asked, runs: Sequence[Matched], keep_going: bool
) -> tuple[Matched, ...]:
    """Return the runs on the prompts that all of them answer.

    Raises:
        DataError: They answer different ones, and it was not asked to go on.
    """
    keys = {prompt.key for prompt in asked.prompts if prompt.instruction_ids}
    shared = keys.intersection(*(run.given for run in runs))
    for run in runs:
        more = sorted(keys.intersection(run.given) - shared)
        if not more or len(runs) == 1:
            continue
        if not keep_going or not shared:
            other = next(o for o in runs if more[0] not in o.given)
            raise DataError(
                f"runs on different prompts have no mean: {run.path} answers key "
                f"{more[0]}, {other.path} does not; {len(shared)} prompts are answered "
                "by all; score the files one by one, or pass --keep-going to count "
                "only these"
            )
    if len(runs) == 1:
        return tuple(runs)
    return tuple(
        replace(
            run,
            given={key: one for key, one in run.given.items() if key in shared},
            set_aside=tuple(sorted(keys.intersection(run.given) - shared)),
        )
        for run in runs
    )
