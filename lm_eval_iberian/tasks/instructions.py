"""The demo's held-out English instructions, in IFEval's schema."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from lm_eval_iberian.corpus.instructions import pairs
from lm_eval_iberian.ifeval.data import Prompt
from lm_eval_iberian.tasks.ifeval import as_dataset


if TYPE_CHECKING:
    from datasets import DatasetDict

COUNT = 100


def load(**_: Any) -> DatasetDict:
    """Return 100 prompts with one instruction each as split ``test``."""
    verifiable = (p for p in pairs("heldout", "test") if p.instruction_id != "none")
    return as_dataset(
        Prompt(number, pair.prompt, (pair.instruction_id,), (pair.kwargs,), "en")
        for number, pair in enumerate(islice(verifiable, COUNT), start=1)
    )
