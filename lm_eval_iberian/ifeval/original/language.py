"""language in the original: what a detector says of the whole answer."""

from __future__ import annotations

from typing import Final

from lm_eval_iberian.ifeval.instruction import Verdict
from lm_eval_iberian.ifeval.original.arguments import Arguments
from lm_eval_iberian.ifeval.original.detectors import DetectionError, detect
from lm_eval_iberian.ifeval.original.text import Text


# the languages that the original knows by name; it fails for another
LANGUAGES: Final = (
    "en", "es", "pt", "ar", "hi", "fr", "ru", "de", "ja", "it", "bn", "uk", "th", "ur",
    "ta", "te", "bg", "ko", "pl", "he", "fa", "vi", "ne", "sw", "kn", "mr", "gu", "pa",
    "ml", "fi",
)  # fmt: skip


def response_language(text: Text, arguments: Arguments) -> Verdict:
    """The detector finds the language; if it fails, that counts as followed."""
    wanted = arguments.get("language")
    if wanted is None:
        wanted = arguments.draw("language", LANGUAGES)
    if wanted not in LANGUAGES:
        return Verdict(False, f"the original does not know the language {wanted!r}")
    return in_language(text, wanted, arguments)


def in_language(text: Text, wanted: str, arguments: Arguments) -> Verdict:
    """Ask the detector of the task's language."""
    detector = arguments.behaviour.detector
    try:
        found = detect(text.value, detector)
    except DetectionError as error:
        return Verdict(True, f"{detector} failed, which counts as followed: {error}")
    return Verdict(found == wanted, f"{detector} says {found}, {wanted} wanted")


CHECKS = {"language:response_language": response_language}
