"""What the prompt words otherwise than the original's check wants it.

One rule per way to fail; each returns what stands in the way, or ``None``: a model can
only write what it was told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from lm_eval_iberian.ifeval.instruction import Answer
from lm_eval_iberian.ifeval.language import asked_language
from lm_eval_iberian.ifeval.original import form_checks
from lm_eval_iberian.ifeval.original.asked import Asked, Rule
from lm_eval_iberian.ifeval.original.form_checks import marker_pattern
from lm_eval_iberian.ifeval.original.language_checks import LANGUAGES
from lm_eval_iberian.ifeval.original.text import Text
from lm_eval_iberian.languages import fold_spaces


_NUMBER: Final = r"(?:\d{1,3}|[IVX]{1,5}|[A-HNX])"
# quotation marks named or shown empty: «», « eta », «…»
_GUILLEMETS: Final = re.compile(r"«(?:\W{0,6}|\W{1,3}(?:eta|edo|e|i|y|ou|o)\W{1,3})»")


def small_letters(asked: Asked) -> str | None:
    """The check for small letters wants capitals, or another language."""
    if asked.arguments.behaviour.small_test == "isupper":
        return "the check for small letters wants capital ones"
    return case_language(asked)


def case_language(asked: Asked) -> str | None:
    """The check wants one language, the prompt asks for another."""
    wanted = asked.arguments.behaviour.case_language
    if asked.profile is None:
        return None
    named = asked_language(Answer("", asked.profile, asked.prompt))
    return f"the check wants {wanted}, the prompt {named}" if named != wanted else None


def known_language(asked: Asked) -> str | None:
    """The original fails for a language it does not know."""
    wanted = asked.arguments.get("language")
    return None if wanted in LANGUAGES else f"{wanted!r} is unknown to the original"


def marker(asked: Asked) -> str | None:
    """The prompt writes the mark of a postscript otherwise."""
    given = asked.arguments.get("postscript_marker").strip()
    shown = asked.prompt.lower() or given.lower()
    if given[:1] in "\"'“‘«" or not marker_pattern(given).search(shown):
        return f"the prompt does not write '{given}'"
    return None


def section_keyword(asked: Asked) -> str | None:
    """The number stands before the keyword, or the keyword is spelled otherwise."""
    keyword = asked.arguments.get("section_spliter").strip()
    prompt, word = asked.prompt, re.escape(keyword)
    if not prompt:
        return None
    if re.search(rf"{word}\s?{_NUMBER}(?!\w)", prompt):
        return None
    if re.search(rf"(?<!\w){_NUMBER}[.ºª)]?\s?(?i:{word})", prompt):
        return f"the prompt puts the number before '{keyword}', the check after it"
    return None if keyword in prompt else f"the prompt does not write '{keyword}'"


def title(asked: Asked) -> str | None:
    """The prompt shows a title in French quotes alone."""
    if "<<" not in asked.prompt and re.search("«[^»\n]+»", asked.prompt):
        return "the prompt shows «…», the check wants <<…>>"
    return None


def options(asked: Asked) -> str | None:
    """The prompt offers other options than the check knows."""
    given = asked.arguments.behaviour.options
    if asked.prompt and not any(option in asked.prompt for option in given):
        return f"the prompt offers none of {', '.join(given)}"
    return None


def request(asked: Asked) -> str | None:
    """The request is not in the prompt, or holds what a model does not repeat."""
    given = asked.arguments.get("prompt_to_repeat").strip()
    if asked.words_otherwise(given):
        return "the request to repeat is not what the prompt says"
    if "\r" in given:
        return "the request holds carriage returns, which no model writes"
    return None


def end_phrase(asked: Asked) -> str | None:
    """The phrase can never end an answer, or is worded otherwise."""
    phrase = asked.arguments.get("end_phrase").strip()
    if asked.words_otherwise(phrase) and fold_spaces(phrase) not in fold_spaces(
        asked.prompt
    ):
        return f"the prompt words '{phrase}' otherwise"
    verdict = form_checks.end_phrase(Text(f"x {phrase}"), asked.arguments)
    return None if verdict else f"with the phrase as asked: {verdict.reason}"


def quotation_marks(asked: Asked) -> str | None:
    """The prompt names French quotes as the marks."""
    if _GUILLEMETS.search(asked.prompt) and '"' not in asked.prompt:
        return 'the prompt names «», the check wants " at both ends'
    return None


RULES: Final[Mapping[str, Rule]] = {
    "change_case:english_capital": case_language,
    "change_case:english_lowercase": small_letters,
    "combination:repeat_prompt": request,
    "detectable_content:postscript": marker,
    "detectable_format:constrained_response": options,
    "detectable_format:multiple_sections": section_keyword,
    "detectable_format:title": title,
    "language:response_language": known_language,
    "startend:end_checker": end_phrase,
    "startend:quotation": quotation_marks,
}
