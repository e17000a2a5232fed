"""Results with the samples that they are of, as lm-eval writes them."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from made_results import Results

from lm_eval_iberian.tasks.ifeval import inst_level_acc, prompt_level_acc
from lm_eval_iberian.tasks.matthews import mcc
from lm_eval_iberian.tasks.perplexity import weighted_perplexity
from lm_eval_iberian.tasks.translation_scores import bleu, chrf_plus_plus, ter


Row = dict[str, Any]


def share(values: Sequence[Any]) -> float:
    counted = [float(value) for value in values if value is not None]
    return sum(counted) / len(counted)


# what lm-eval makes of the samples' values, by metric
AGGREGATIONS: dict[str, Callable[[Sequence[Any]], float]] = {
    "acc": share,
    "mcc": mcc,
    "bleu": bleu,
    "chrf++": chrf_plus_plus,
    "ter": ter,
    "inst_level_strict_acc": inst_level_acc,
    "inst_level_strict_acc_original": inst_level_acc,
    "inst_level_strict_acc_first_turn": inst_level_acc,
    "prompt_level_strict_acc": prompt_level_acc,
    "stop_rate": share,
    "no_stop_rate": share,
    "run_on_rate": share,
    "byte_perplexity": weighted_perplexity,
}


def hashed(doc: object) -> str:
    """Return lm-eval's hash of a document."""
    text = json.dumps(doc, indent=2, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def answers(
    right: Iterable[object], choices: int = 4, **columns: Sequence[object]
) -> list[Row]:
    """Return samples of multiple choice; documents have the columns that are given."""
    rows = []
    for number, one in enumerate(right):
        doc = {"id": number} | {name: of[number] for name, of in columns.items()}
        rows.append(
            {
                "doc": doc,
                "arguments": {f"gen_args_{i}": {} for i in range(choices)},
                "resps": [[["-1.0", "False"]]] * choices,
                "acc": one if one is None or isinstance(one, str) else float(one),  # type: ignore[arg-type]
            }
        )
    return rows


def translations(pairs: Iterable[tuple[str, str]], first: int = 1) -> list[Row]:
    """Return samples of translation; a segment's id counts from ``first``."""
    return [
        {
            "doc": {"id": number, "sentence_eng_Latn": f"Sentence {number}."},
            "target": reference,
            "arguments": {"gen_args_0": {}},
            "resps": [[translation]],
            "filtered_resps": [translation],
            **{name: [reference, translation] for name in ("bleu", "chrf++", "ter")},
        }
        for number, (reference, translation) in enumerate(pairs, start=first)
    ]


def instructions(verdicts: Iterable[Sequence[bool]]) -> list[Row]:
    """Return samples of IFEval: for each prompt, whether its instructions were met."""
    return [
        {
            "doc": {"key": number, "prompt": f"Prompt {number}"},
            "arguments": {"gen_args_0": {}},
            "resps": [["answer"]],
            "inst_level_strict_acc": list(found),
            "inst_level_strict_acc_original": list(found)[1:],
            "stop_rate": bool(number % 5),
            "no_stop_rate": not number % 5,
        }
        for number, found in enumerate(verdicts)
    ]


class Evaluations(Results):
    """Writes results files with samples beside them."""

    def evaluated(
        self,
        tasks: Mapping[str, Sequence[Row]],
        model: str = "org/model",
        *,
        gz: bool = False,
        values: Mapping[str, float] | None = None,
        **more: Any,
    ) -> Path:
        """Write a results file and the samples of every task, and return the former.

        Args:
            tasks: The samples of every task.
            model: The model.
            gz: Whether the samples are gzipped.
            values: Values in the place of what the samples come to, by metric.
            **more: As for :meth:`content`.
        """
        rows = {
            task: self.values(of) | dict(values or {}) for task, of in tasks.items()
        }
        results = {
            task: {f"{name},none": value for name, value in found.items()}
            for task, found in rows.items()
        }
        for task, found in rows.items():
            if (right := found.get("acc")) is not None and len(tasks[task]) > 1:
                error = (right * (1 - right) / (len(tasks[task]) - 1)) ** 0.5
                results[task]["acc_stderr,none"] = error
        content = self.content(results, model, **{"n": 1} | more)
        if "n" not in more:
            content["n-samples"] = {
                task: {"original": more.get("of") or len(of), "effective": len(of)}
                for task, of in tasks.items()
            }
        self.count += 1
        path = self.put(content, model)
        for task, of in tasks.items():
            self.put_samples(path, task, of, gz=gz)
        return path

    def values(self, rows: Sequence[Row]) -> dict[str, float]:
        """Return what lm-eval makes of samples."""
        found = {}
        for name, aggregate in AGGREGATIONS.items():
            if rows and name in rows[0]:
                try:
                    found[name] = aggregate([row[name] for row in rows])
                except (TypeError, ValueError):
                    found[name] = 0.5
        return found

    def put_samples(
        self, results: Path, task: str, rows: Iterable[Row], *, gz: bool = False
    ) -> Path:
        """Write the samples of a task beside results."""
        lines = []
        for number, row in enumerate(rows):
            whole = {
                "doc_id": number,
                "doc_hash": hashed(row["doc"]),
                "prompt_hash": hashed([task, row["doc"]]),
                "target_hash": hashed(row.get("target")),
                "filter": "none",
            } | row
            lines.append(json.dumps({k: v for k, v in whole.items() if v != "ABSENT"}))
        name = f"samples_{task}_{results.stem.removeprefix('results_')}.jsonl"
        data = ("\n".join(lines) + "\n").encode()
        path = results.with_name(f"{name}.gz" if gz else name)
        path.write_bytes(gzip.compress(data) if gz else data)
        return path
