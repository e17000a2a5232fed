"""IFEval as lm-eval wants it: a dataset, the scores of a document, aggregations."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Hashable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.health import Generation
from lm_eval_iberian.ifeval.averages import cluster_stderr, macro, mean_stderr, micro
from lm_eval_iberian.ifeval.data import Prompt
from lm_eval_iberian.ifeval.data import load as load_prompts
from lm_eval_iberian.ifeval.known_prompts import require_language
from lm_eval_iberian.ifeval.prompt_files import read_published, unjudged
from lm_eval_iberian.ifeval.rows import RowScore
from lm_eval_iberian.ifeval.scoring import SCORINGS, on_first_turn, score_by
from lm_eval_iberian.tasks.value_forms import is_pair, is_row, require_form


if TYPE_CHECKING:
    from datasets import DatasetDict

Types = Sequence[tuple[Hashable, bool]]
_INSTRUCTIONS = "An instruction-level accuracy"
_LOG = logging.getLogger(__name__)


def load(
    lang: str,
    which: str = "paper",
    data: str | None = None,
    keep_going: bool = False,
    **_: Any,
) -> DatasetDict:
    """Return the split ``test`` of a language's prompts, or of somebody's file.

    What of a file cannot be judged is said in a warning.

    Args:
        lang: Language of the prompts.
        which: ``paper`` or ``mini``.
        data: A file of prompts instead, as ``iberian score --data`` reads them.
        keep_going: Leave out rows of the file that cannot be used.
        **_: Of no effect: some releases of lm-eval hand over a run's metadata.

    Raises:
        DataError: A row of the file cannot be used, none has an instruction that
            something here checks, or they are in another language.
    """
    if data is None:
        return as_dataset(load_prompts(lang, which))
    path = Path(data)
    reading = read_published(path, lang, keep_going=keep_going)
    require_language([one.prompt for one in reading.prompts], lang, path)
    for line in unjudged(reading.prompts, reading.bad_rows):
        _LOG.warning("%s: %s", path, line)
    return as_dataset(reading.prompts)


def as_dataset(prompts: Iterable[Prompt]) -> DatasetDict:
    """Return prompts as one uniform schema; kwargs travel as JSON text.

    Arrow would give every row the keys of all others, filled with null.

    Raises:
        DataError: No prompt has an instruction that something here checks.
    """
    from datasets import Dataset, DatasetDict

    prompts = list(prompts)
    partial = any(p.skipped_ids for p in prompts)
    rows = [
        {
            "key": p.key,
            "prompt": p.prompt,
            "instruction_id_list": list(p.instruction_ids),
            "kwargs": json.dumps(p.kwargs, ensure_ascii=False),
            "published": json.dumps(p.published, ensure_ascii=False),
            "unsatisfiable": list(p.unsatisfiable),
            "lang": p.lang,
        }
        | ({"skipped_ids": list(p.skipped_ids)} if partial else {})
        for p in prompts
        if p.instruction_ids  # an empty list must not score "all followed"
    ]
    if not rows:
        raise DataError("no prompt has an instruction that something here checks")
    return DatasetDict({"test": Dataset.from_list(rows)})


def process_results(
    doc: dict[str, Any],
    results: list[str | None],
    generation: Generation | None = None,
) -> dict[str, Any]:
    """Score the answer to one document by both scorings, strictly and loosely.

    Args:
        doc: The document.
        results: Its answer.
        generation: How it came about; lm-eval itself does not say.
    """
    row = doc | {
        "kwargs": json.loads(doc["kwargs"]),
        "published": json.loads(doc["published"]),
    }
    scored = score_by(row, results[0], generation=generation)
    scores = dict(zip(SCORINGS, scored, strict=True))
    repaired, original = scores["repaired"], scores["original"]
    found = _accuracies(repaired, "") | _accuracies(original, "_original")
    found["inst_level_strict_acc_macro"] = [
        (name, verdict.followed)
        for name, verdict in zip(repaired.instruction_ids, repaired.strict, strict=True)
    ]
    found["inst_level_strict_acc_first_turn"] = [
        verdict.followed for verdict in on_first_turn(repaired)
    ]
    return found | repaired.answered.health.rates()


def _accuracies(score: RowScore, suffix: str) -> dict[str, Any]:
    """Return what upstream's metrics of the same names hold.

    A scoring may leave out every instruction of a prompt: then ``None``, and no list.
    ``None`` is also what a prompt gets that has an instruction which nothing checks.
    """
    strict = [verdict.followed for verdict in score.strict]
    loose = [verdict.followed for verdict in score.loose]
    whole = score.counts and score.whole
    able = zip(strict, score.satisfiable, strict=True)
    return {
        f"prompt_level_strict_acc{suffix}": all(strict) if whole else None,
        f"inst_level_strict_acc{suffix}": strict,
        f"prompt_level_loose_acc{suffix}": all(loose) if whole else None,
        f"inst_level_loose_acc{suffix}": loose,
        f"inst_level_strict_acc_satisfiable{suffix}": [v for v, can in able if can],
    }


def prompt_level_acc(items: Sequence[bool | None]) -> float:
    """Return the share of prompts followed, of those that count.

    Raises:
        DataError: A value is neither a verdict nor None.
    """
    require_form(items, _is_verdict_or_none, "A prompt-level accuracy", "a verdict")
    return micro([[(None, item)] for item in items if item is not None])


def inst_level_acc(items: Sequence[Sequence[bool]]) -> float:
    """Return the share of instructions followed, over all prompts (micro average).

    Raises:
        DataError: A value is not a list of verdicts.
    """
    require_form(items, _are_verdicts, _INSTRUCTIONS, "a list of verdicts")
    return micro(map(_untyped, items))


def inst_level_macro(items: Sequence[Types]) -> float:
    """Return the mean over instruction types of the share followed (macro average).

    Raises:
        DataError: A value is not a list of pairs of a type and a verdict.
    """
    form = "a list of instruction types with verdicts"
    require_form(items, _are_typed, _INSTRUCTIONS, form)
    return macro(items)


def _is_verdict_or_none(item: Any) -> bool:
    return item is None or isinstance(item, bool)


def _are_verdicts(item: Any) -> bool:
    return is_row(item) and all(isinstance(verdict, bool) for verdict in item)


def _are_typed(item: Any) -> bool:
    return is_row(item) and all(is_pair(p) and isinstance(p[1], bool) for p in item)


def _prompt_level_stderr(items: Sequence[bool | None]) -> float:
    return mean_stderr([item for item in items if item is not None])


def _inst_level_stderr(items: Sequence[Sequence[bool]]) -> float:
    return cluster_stderr(map(_untyped, items), by_type=False)


def _inst_level_macro_stderr(items: Sequence[Types]) -> float:
    return cluster_stderr(items, by_type=True)


def _untyped(verdicts: Sequence[bool]) -> Types:
    return [(None, verdict) for verdict in verdicts]


# aggregation -> its standard error; lm-eval knows only those of its own
STDERR: dict[Callable[..., float], Callable[..., float]] = {
    prompt_level_acc: _prompt_level_stderr,
    inst_level_acc: _inst_level_stderr,
    inst_level_macro: _inst_level_macro_stderr,
}
