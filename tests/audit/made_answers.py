"""Rows of answers in the forms in which they come, to the mini set's prompts."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lm_eval_iberian.ifeval.data import Prompt


Row = dict[str, Any]
SENTENCE = "Kaixo denoi, hemen nago."
LEAK = f"{SENTENCE}assistant\n\nZer moduz? Ni ondo, eskerrik asko."
LOOP = "Etxea handia da eta mendia ere bai. " * 30


def write(path: Path, rows: Iterable[object]) -> Path:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    data = text.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def plain(prompt: Prompt, response: object = SENTENCE) -> Row:
    return {"key": prompt.key, "prompt": prompt.prompt, "response": response}


def published(prompt: Prompt) -> Row:
    """Return the row of a file of prompts."""
    return {
        "key": prompt.key,
        "prompt": prompt.prompt,
        "instruction_id_list": list(prompt.instruction_ids),
        "kwargs": list(prompt.kwargs),
    }


def sample(prompt: Prompt, response: object = SENTENCE, **more: object) -> Row:
    """Return what lm-eval logs of an IFEval task, kwargs included."""
    doc = published(prompt) | {"lang": prompt.lang}
    return {
        "doc_id": prompt.key - 1,
        "doc": doc,
        "arguments": {"gen_args_0": {"arg_0": prompt.prompt, "arg_1": {"until": []}}},
        "resps": [[response]],
        "filtered_resps": [response],
        "filter": "none",
    } | more


def strict(prompt: Prompt, verdicts: object, response: object = SENTENCE) -> Row:
    """Return what Google's evaluation_main writes."""
    followed = isinstance(verdicts, list) and all(verdicts)
    return {
        "follow_all_instructions": followed,
        "follow_instruction_list": verdicts,
        "instruction_id_list": list(prompt.instruction_ids),
        "prompt": prompt.prompt,
        "response": response,
    }


def question(number: int, response: object, **more: object) -> Row:
    """Return what lm-eval logs of a task that is no IFEval."""
    asked = f"Zenbat da {number} gehi {number}?"
    return {
        "doc_id": number,
        "doc": {"question": asked, "id": number},
        "arguments": {"gen_args_0": {"arg_0": asked, "arg_1": {"until": ["\n\n"]}}},
        "resps": [[response]],
        "filtered_resps": [response],
    } | more
