"""language: the language of the whole answer; also which one a prompt asks for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Final

from lm_eval_iberian.health import without_repeated_prompt
from lm_eval_iberian.ifeval.instruction import Answer, Instruction, Kwarg, Verdict
from lm_eval_iberian.languages import (
    LanguageProfile,
    decide_language,
    fold,
)


_SENTENCE_END: Final = re.compile(r"[.!?\n]")


def response_language(answer: Answer, language: str) -> Verdict:
    """The whole answer is in a language, by its ISO 639-1 code.

    An answer too short to tell does not follow: nothing shows that it does.
    """
    decision = decide_language(
        without_repeated_prompt(answer.laid_out, answer.prompt or ""), language
    )
    return Verdict(decision.status == "accepted", decision.reason)


def asked_language(answer: Answer) -> str:
    """Return the language that an answer's prompt asks for, else the task's.

    A language counts that is named in a sentence about letter case or about the answer:
    a question may be about a word "in English". Of several the one nearest to a word
    about letter case counts, and without such a word the last.
    """
    if not answer.prompt:
        return answer.profile.code
    return _asked_language(answer.prompt, answer.profile)


@lru_cache(maxsize=1024)
def _asked_language(prompt: str, profile: LanguageProfile) -> str:
    """Return the language that a prompt asks for, else the profile's."""
    prompt = fold(prompt)
    requests, languages, telling = _requests(profile)
    if not any(map(prompt.__contains__, telling)):
        return profile.code
    cues = [match.start() for match in _cues(profile).finditer(prompt)]
    about = cues + [match.start() for match in _answering(profile).finditer(prompt)]
    named = [
        (match.start(), languages[match[0]])
        for match in requests.finditer(prompt)
        if _in_one_sentence(prompt, match.start(), about)
    ]
    if not named:
        return profile.code
    if not cues:
        return max(named)[1]
    return min(named, key=lambda hit: min(abs(hit[0] - cue) for cue in cues))[1]


@cache
def _requests(
    profile: LanguageProfile,
) -> tuple[re.Pattern[str], dict[str, str], frozenset[str]]:
    """Compile all ways to ask for a language, and map each way to its language.

    The words returned with them are the longest of each way, without which none stands
    in a prompt.
    """
    languages = {
        fold(phrase): lang
        for lang, phrases in sorted(profile.asked_in.items())
        for phrase in phrases
    }
    # where words are inflected a phrase may go on: ingelesez, ingelesezko
    end = "" if profile.keywords.match == "stem" else r"(?![^\W_])"
    telling = frozenset(max(phrase.split(), key=len) for phrase in languages)
    return re.compile(_any_of(languages) + end), languages, telling


@cache
def _cues(profile: LanguageProfile) -> re.Pattern[str]:
    """Compile the words about letter case."""
    return re.compile(_any_of(map(fold, profile.case.cues)))


@cache
def _answering(profile: LanguageProfile) -> re.Pattern[str]:
    """Compile the words about the answer; without any, every place is about it."""
    words = profile.case.answering
    return re.compile(_any_of(map(fold, words)) if words else "")


def _in_one_sentence(prompt: str, place: int, others: Iterable[int]) -> bool:
    """Tell whether no sentence ends between a place and one of the others."""
    return any(
        not _SENTENCE_END.search(prompt, min(place, other), max(place, other))
        for other in others
    )


def _any_of(phrases: Iterable[str]) -> str:
    """Return the pattern of phrases that begin a word, the longest first."""
    options = "|".join(map(re.escape, sorted(phrases, key=len, reverse=True)))
    return rf"(?<![^\W_])(?:{options})"


INSTRUCTIONS = (
    Instruction(
        "language:response_language",
        response_language,
        (Kwarg("language", "language"),),
    ),
)
