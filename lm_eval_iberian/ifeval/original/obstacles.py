"""What keeps an answer that does what the prompt says from passing the original check.

One rule per way to fail; each returns what stands in the way, or ``None``. Some things
the original can never count as the prompt asks for them; others the prompt words
otherwise than the check wants them, and a model can only write what it was told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from lm_eval_iberian.ifeval.instruction import AT_LEAST, LESS_THAN, Answer
from lm_eval_iberian.ifeval.language import asked_language
from lm_eval_iberian.ifeval.original import form_checks, word_checks
from lm_eval_iberian.ifeval.original.arguments import Arguments
from lm_eval_iberian.ifeval.original.form_checks import marker_pattern
from lm_eval_iberian.ifeval.original.language_checks import LANGUAGES
from lm_eval_iberian.ifeval.original.text import Text
from lm_eval_iberian.languages import LanguageProfile, fold_spaces


_STARS: Final = re.compile(r"\*{2,}")
_NUMBER: Final = r"(?:\d{1,3}|[IVX]{1,5}|[A-HNX])"
# quotation marks named or shown empty: «», « eta », «…»
_GUILLEMETS: Final = re.compile(r"«(?:\W{0,6}|\W{1,3}(?:eta|edo|e|i|y|ou|o)\W{1,3})»")


@dataclass(frozen=True)
class Wording:
    """The prompt and the arguments; ``profile`` where the language has a pack."""

    arguments: Arguments
    profile: LanguageProfile | None

    @property
    def prompt(self) -> str:
        """The prompt; empty where it is not known."""
        return self.arguments.prompt

    def words_otherwise(self, wording: str) -> bool:
        """Tell whether the prompt is known and does not hold a wording."""
        return bool(self.prompt) and wording.lower() not in self.prompt.lower()


Rule = Callable[[Wording], "str | None"]


def letter(asked: Wording) -> str | None:
    """Any letter but a to z is replaced by one that the prompt does not name."""
    given = asked.arguments.get("letter")
    if word_checks.usable_letter(asked.arguments) != str(given).lower():
        return f"{given!r} is replaced by a letter drawn at random"
    return _below(asked, "let_frequency", "let_relation", 1)


def keyword_found(asked: Wording) -> str | None:
    """A keyword that the prompt spells otherwise cannot be known."""
    for keyword in asked.arguments.get("keywords"):
        if found := _unfindable(asked, keyword):
            return found
    return None


def keyword_often(asked: Wording) -> str | None:
    """So does one whose number is to be reached; none is less than 0 times there."""
    if asked.arguments.relation("relation") == AT_LEAST:
        return _unfindable(asked, asked.arguments.get("keyword").strip())
    return _below(asked, "frequency", "relation", 1)


def _unfindable(asked: Wording, keyword: str) -> str | None:
    """Say why a keyword as the prompt has it is not found, read as a pattern."""
    text = asked.prompt or keyword
    if word_checks.pattern(keyword).search(text):
        return None
    return f"'{keyword}' is not found where the prompt itself writes it"


def words(asked: Wording) -> str | None:
    """No answer has less than one word."""
    return _below(asked, "num_words", "relation", 2)


def sentences(asked: Wording) -> str | None:
    """No answer has less than one sentence."""
    return _below(asked, "num_sentences", "relation", 2)


def capitals(asked: Wording) -> str | None:
    """Nothing is there less than 0 times."""
    return _below(asked, "capital_frequency", "capital_relation", 1)


def _below(asked: Wording, count: str, relation: str, lowest: int) -> str | None:
    """Say so where a count has to be less than the least there can be."""
    wanted = asked.arguments.get(count)
    if asked.arguments.relation(relation) == LESS_THAN and wanted < lowest:
        return f"no answer has less than {wanted}"
    return None


def paragraphs(asked: Wording) -> str | None:
    """The divider that the prompt shows does not divide as often as asked."""
    wanted = asked.arguments.get("num_paragraphs")
    text = Text(f"\n\n{_stars(asked, '***')}\n\n".join(map(str, range(wanted))))
    verdict = word_checks.number_paragraphs(text, asked.arguments)
    return None if verdict else f"divided as the prompt shows: {verdict.reason}"


def two_responses(asked: Wording) -> str | None:
    """The divider that the prompt shows does not divide two responses."""
    text = Text(f"1\n\n{_stars(asked, '******')}\n\n2")
    verdict = form_checks.two_responses(text, asked.arguments)
    return None if verdict else f"divided as the prompt shows: {verdict.reason}"


def _stars(asked: Wording, usual: str) -> str:
    """Return the divider of the prompt: the usual one if it is there."""
    shown = _STARS.findall(asked.prompt)
    return usual if not shown or usual in shown else max(shown, key=len)


def first_word(asked: Wording) -> str | None:
    """The first word is several, holds a mark, or is worded otherwise."""
    given = asked.arguments
    word, wanted = given.get("first_word"), given.get("num_paragraphs")
    if not 0 < given.get("nth_paragraph") <= wanted:
        return "the number of the paragraph is drawn at random"
    if asked.words_otherwise(word):
        return f"the prompt words '{word}' otherwise"
    text = Text("\n\n".join([f"{word} x"] * wanted))
    verdict = word_checks.first_word(text, given)
    return None if verdict else f"with the word as asked: {verdict.reason}"


def small_letters(asked: Wording) -> str | None:
    """The check for small letters wants capitals, or another language."""
    if asked.arguments.behaviour.small_test == "isupper":
        return "the check for small letters wants capital ones"
    return case_language(asked)


def case_language(asked: Wording) -> str | None:
    """The check wants one language, the prompt asks for another."""
    wanted = asked.arguments.behaviour.case_language
    if asked.profile is None:
        return None
    named = asked_language(Answer("", asked.profile, asked.prompt))
    return f"the check wants {wanted}, the prompt {named}" if named != wanted else None


def known_language(asked: Wording) -> str | None:
    """The original fails for a language it does not know."""
    wanted = asked.arguments.get("language")
    return None if wanted in LANGUAGES else f"{wanted!r} is unknown to the original"


def marker(asked: Wording) -> str | None:
    """The prompt writes the mark of a postscript otherwise."""
    given = asked.arguments.get("postscript_marker").strip()
    shown = asked.prompt.lower() or given.lower()
    if given[:1] in "\"'“‘«" or not marker_pattern(given).search(shown):
        return f"the prompt does not write '{given}'"
    return None


def section_keyword(asked: Wording) -> str | None:
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


def title(asked: Wording) -> str | None:
    """The prompt shows a title in French quotes alone."""
    if "<<" not in asked.prompt and re.search("«[^»\n]+»", asked.prompt):
        return "the prompt shows «…», the check wants <<…>>"
    return None


def options(asked: Wording) -> str | None:
    """The prompt offers other options than the check knows."""
    given = asked.arguments.behaviour.options
    if asked.prompt and not any(option in asked.prompt for option in given):
        return f"the prompt offers none of {', '.join(given)}"
    return None


def request(asked: Wording) -> str | None:
    """The request is not in the prompt, or holds what a model does not repeat."""
    given = asked.arguments.get("prompt_to_repeat").strip()
    if asked.words_otherwise(given):
        return "the request to repeat is not what the prompt says"
    if "\r" in given:
        return "the request holds carriage returns, which no model writes"
    return None


def end_phrase(asked: Wording) -> str | None:
    """The phrase can never end an answer, or is worded otherwise."""
    phrase = asked.arguments.get("end_phrase").strip()
    if asked.words_otherwise(phrase) and fold_spaces(phrase) not in fold_spaces(
        asked.prompt
    ):
        return f"the prompt words '{phrase}' otherwise"
    verdict = form_checks.end_phrase(Text(f"x {phrase}"), asked.arguments)
    return None if verdict else f"with the phrase as asked: {verdict.reason}"


def quotation_marks(asked: Wording) -> str | None:
    """The prompt names French quotes as the marks."""
    if _GUILLEMETS.search(asked.prompt) and '"' not in asked.prompt:
        return 'the prompt names «», the check wants " at both ends'
    return None


RULES: Final[Mapping[str, Rule]] = {
    "change_case:capital_word_frequency": capitals,
    "change_case:english_capital": case_language,
    "change_case:english_lowercase": small_letters,
    "combination:repeat_prompt": request,
    "combination:two_responses": two_responses,
    "detectable_content:postscript": marker,
    "detectable_format:constrained_response": options,
    "detectable_format:multiple_sections": section_keyword,
    "detectable_format:title": title,
    "keywords:existence": keyword_found,
    "keywords:frequency": keyword_often,
    "keywords:letter_frequency": letter,
    "language:response_language": known_language,
    "length_constraints:nth_paragraph_first_word": first_word,
    "length_constraints:number_paragraphs": paragraphs,
    "length_constraints:number_sentences": sentences,
    "length_constraints:number_words": words,
    "startend:end_checker": end_phrase,
    "startend:quotation": quotation_marks,
}
