"""Examines a translation: is there one, in the language, whole, and not the source?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lm_eval_iberian.health.no_stop import Generation, find_no_stop
from lm_eval_iberian.health.thoughts import without_thoughts
from lm_eval_iberian.health.words import shared_words
from lm_eval_iberian.languages import decide_language, fold_spaces


_UNKNOWN: Final = Generation()
# Of 997 Flores sentences in all directions between Galician, Catalan, Spanish and
# English, the professional translations have 0.49 to 2.05 of the source's characters,
# and at most half of its word pairs.
_SHORTEST: Final = 0.45
_LONGEST: Final = 2.2
_COPIED: Final = 0.8
# too short a source says nothing about lengths
_LEAST: Final = 20
_SENTENCE_ENDS: Final = tuple(".!?…:;\"'”’»)]")


@dataclass(frozen=True)
class TranslationHealth:
    """What is wrong with a translation, each None or a reason that a person can read.

    Attributes:
        text: The translation: the first line that is not empty, thoughts aside.
        empty: There is none.
        unclosed_thought: The answer ended in a thought.
        source_copied: It is the source again.
        off_language: It is decidedly in another language.
        length_ratio: It is much shorter or longer than its source.
        first_line_cut: The line that is scored is not all of the translation: it is cut
            off, goes on in the next line, or only announces it.
    """

    text: str
    empty: str | None
    unclosed_thought: str | None
    source_copied: str | None
    off_language: str | None
    length_ratio: str | None
    first_line_cut: str | None

    def rates(self) -> dict[str, bool]:
        """Return what the translation adds to each rate, by the name of its metric."""
        return {
            "empty_rate": bool(self.empty),
            "unclosed_thought_rate": bool(self.unclosed_thought),
            "source_copied_rate": bool(self.source_copied),
            "off_language_rate": bool(self.off_language),
            "length_ratio_rate": bool(self.length_ratio),
            "first_line_cut_rate": bool(self.first_line_cut),
        }


def examine_translation(
    answer: str | None,
    source: str,
    lang: str,
    *,
    generation: Generation = _UNKNOWN,
) -> TranslationHealth:
    """Return the translation in an answer, and its health.

    What follows the first line is not looked at for turns: with examples in the
    prompt a base model goes on with the next one.

    Args:
        answer: The model's answer; None is an empty one.
        source: What was to be translated, one sentence or more in a line.
        lang: The language to translate into, by its ISO 639-1 code.
        generation: What is known of how the answer came about.

    Raises:
        UnknownNameError: The language is not known.
    """
    spoken = without_thoughts(answer or "")
    lines = [line.strip() for line in spoken.text.split("\n")]
    text = next(filter(None, lines), "")
    rest = [line for line in lines[lines.index(text) + 1 :] if line]
    off = None
    if text:
        decision = decide_language(text, lang)
        off = decision.reason if decision.status == "rejected" else None
    shared = shared_words(fold_spaces(source), fold_spaces(text)) if text else 0
    return TranslationHealth(
        text=text,
        empty=None if text else "there is no translation",
        unclosed_thought="it ends in a thought" if spoken.unclosed else None,
        source_copied=(
            f"{100 * shared:.0f} % of its word pairs are the source's"
            if shared > _COPIED
            else None
        ),
        off_language=off,
        length_ratio=_length_ratio(text, source),
        first_line_cut=_first_line_cut(answer or "", text, rest, source, generation),
    )


def _length_ratio(text: str, source: str) -> str | None:
    if not text or len(source) < _LEAST:
        return None
    ratio = len(text) / len(source)
    if _SHORTEST <= ratio <= _LONGEST:
        return None
    return f"it has {ratio:.2f} of the source's characters"


def _first_line_cut(
    answer: str, text: str, rest: list[str], source: str, generation: Generation
) -> str | None:
    """Tell whether the first line lacks a part of the translation."""
    if not text or text.endswith(_SENTENCE_ENDS[:4]):
        return None
    if rest and text.endswith(":") and not source.rstrip().endswith(":"):
        return f"it only announces the translation: '{text[-40:]}'"
    if not source.rstrip().endswith(_SENTENCE_ENDS[:4]):
        return None
    if rest and text[-1] not in _SENTENCE_ENDS and rest[0][0].islower():
        return f"it goes on in the next line: '{rest[0][:40]}'"
    if not rest:
        why = find_no_stop(answer, generation, unclosed=False, loops=False)
        if why:
            return why
        if text[-1].isalpha() and len(text) < 0.8 * len(source):
            return f"it ends inside a sentence: '…{text[-40:]}'"
    return None
