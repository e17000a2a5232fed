"""What is published of a model: its card, and its results in an exchange form."""

from __future__ import annotations

from lm_eval_iberian.cards.card_file import CARD, kept_text, write_card
from lm_eval_iberian.cards.card_subject import CardSubject, gather_subject
from lm_eval_iberian.cards.every_eval_ever import (
    without_developer,
    write_every_eval_ever,
)
from lm_eval_iberian.cards.merge_origin import read_origin
from lm_eval_iberian.cards.model_card import written_card


__all__ = [
    "CARD",
    "CardSubject",
    "gather_subject",
    "kept_text",
    "read_origin",
    "without_developer",
    "write_card",
    "write_every_eval_ever",
    "written_card",
]
