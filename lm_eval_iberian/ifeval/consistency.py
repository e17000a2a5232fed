"""Whether what the kwargs check is what the prompt asks for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.ifeval.asked_numbers import (
    Limit,
    limits,
    names,
    numbers,
)
from lm_eval_iberian.ifeval.instruction import AT_LEAST, LESS_THAN, Answer
from lm_eval_iberian.ifeval.options import offered
from lm_eval_iberian.ifeval.prompt import Prompt
from lm_eval_iberian.languages import (
    FULL_LICENCE,
    NO_LICENCE,
    LanguageProfile,
    PromptWords,
    compose,
    fold,
    fold_spaces,
    load_profile,
    occurrences,
)
from lm_eval_iberian.paths import data
from lm_eval_iberian.toml import read_toml


def listed(lang: str, which: str) -> list[dict[str, Any]]:
    """Return the exceptions of a set: findings that are no faults, with reasons.

    Raises:
        DataError: An exception has no key or no reason.
    """
    path = data() / "ifeval" / "consistency" / f"{lang}.toml"
    entries = read_toml(path).get(which, []) if path.is_file() else []
    for entry in entries:
        if not isinstance(entry.get("key"), int) or not entry.get("reason"):
            raise DataError(f"{path}: {entry} needs a key and a reason")
        if extra := set(entry) - {"key", "instruction_id", "kwarg", "reason"}:
            raise DataError(f"{path}: {entry} holds unknown fields {sorted(extra)}")
    return list(entries)


def is_listed(finding: Finding, entries: list[dict[str, Any]]) -> bool:
    """Tell whether an exception covers a finding."""
    return any(
        entry["key"] == finding.key
        and entry.get("instruction_id", finding.instruction_id)
        == finding.instruction_id
        and entry.get("kwarg", finding.kwarg) == finding.kwarg
        for entry in entries
    )


# a count -> the kwarg with its relation
_RELATED: Final = {
    "num_words": "relation",
    "num_sentences": "relation",
    "frequency": "relation",
    "let_frequency": "let_relation",
    "capital_frequency": "capital_relation",
}
_MINIMAL: Final = ("num_sections", "num_highlights", "num_placeholders")
_WORDS: Final = ("keywords", "forbidden_words", "keyword", "first_word")
_CONSTRAINED: Final = "detectable_format:constrained_response"


@dataclass(frozen=True)
class Finding:
    """One kwarg that its prompt does not ask for, or a row that cannot be used at all.

    Such a row has no key here: ``why`` says where it is.
    """

    key: int | None
    instruction_id: str
    kwarg: str
    value: Any
    why: str


def inconsistencies(prompt: Prompt) -> list[Finding]:
    """Return the kwargs whose value the prompt does not name, and limits turned round.

    Texts are compared without letter case, quote shape and line ends; a section's
    keyword as it stands. A keyword may be inflected.
    """
    profile = load_profile(prompt.lang)
    found = []
    for demand in prompt.demands:
        id_, kwargs = demand.instruction.id, demand.arguments
        for kwarg, value in kwargs.items():
            for why in _missing(kwarg, value, kwargs, prompt, profile):
                found.append(Finding(prompt.key, id_, kwarg, value, why))
        if id_ == _CONSTRAINED:
            for option in _strange_options(prompt, profile):
                why = "the prompt offers an option of its own"
                found.append(Finding(prompt.key, id_, "options", option, why))
    return [*found, *_turned_limits(prompt, profile), *_unchecked_case(prompt, profile)]


def _missing(
    kwarg: str,
    value: Any,
    kwargs: dict[str, Any],
    prompt: Prompt,
    profile: LanguageProfile,
) -> Iterator[str]:
    """Yield what of a kwarg the prompt does not hold."""
    if isinstance(value, int):
        if not _named(kwarg, value, kwargs, prompt, profile.prompts):
            yield "the prompt does not name this number"
    elif kwarg in _WORDS:
        for word in [value] if isinstance(value, str) else value:
            if not any(
                occurrences(word, prompt.prompt, profile, licence=licence)
                for licence in (NO_LICENCE, FULL_LICENCE)  # most stand there as is
            ):
                yield f"{word!r} is not in the prompt"
    elif kwarg in _HOLDS and not _HOLDS[kwarg](value, prompt, profile):
        yield "the prompt does not hold this"


def _named(
    kwarg: str, value: int, kwargs: dict[str, Any], prompt: Prompt, words: PromptWords
) -> bool:
    """Tell whether a prompt names a number, or the one before: more than 9 is 10."""
    found = numbers(prompt.prompt, words)
    if value in found or (kwarg in _RELATED and value - 1 in found):
        return True
    is_last = kwarg == "nth_paragraph" and value == kwargs.get("num_paragraphs")
    last = words.last if is_last else ()
    return any(names(word, prompt.prompt) for word in last)


def _holds_text(value: str, prompt: Prompt, _: LanguageProfile) -> bool:
    return fold_spaces(value).rstrip(" .") in fold_spaces(prompt.prompt)


def _holds_letter(value: str, prompt: Prompt, _: LanguageProfile) -> bool:
    return names(value, prompt.prompt)


def _holds_heading(value: str, prompt: Prompt, _: LanguageProfile) -> bool:
    return compose(value) in compose(prompt.prompt)


def _asks_for(lang: str, prompt: Prompt, profile: LanguageProfile) -> bool:
    """Tell whether a prompt names a language, whatever its ending, or is in it."""
    known = profile.prompts.languages.get(lang, ())
    return lang == prompt.lang or any(_begins(name, prompt.prompt) for name in known)


def _begins(part: str, text: str) -> bool:
    """Tell whether a word or phrase of a text begins so."""
    return re.search(rf"(?<![^\W_]){re.escape(fold(part))}", fold(text)) is not None


def _strange_options(prompt: Prompt, profile: LanguageProfile) -> list[str]:
    """Return the options of a prompt that the language's pack does not have."""
    usual = {fold_spaces(o).rstrip(" .") for o in profile.constrained.options}
    options = offered(Answer("", profile, prompt.prompt))
    return [o for o in options if fold_spaces(o).rstrip(" .") not in usual]


def _unchecked_case(prompt: Prompt, profile: LanguageProfile) -> Iterator[Finding]:
    """Yield a word about letter case in a prompt without any check of it."""
    ids = [demand.instruction.id for demand in prompt.demands]
    cue = next((c for c in profile.case.cues if _begins(c, prompt.prompt)), None)
    if cue is not None and not any(id_.startswith("change_case:") for id_ in ids):
        why = "the prompt asks for letter case and nothing checks it"
        yield Finding(prompt.key, "change_case", "", cue, why)


def _turned_limits(prompt: Prompt, profile: LanguageProfile) -> Iterator[Finding]:
    """Yield the limits with which an answer that obeys the prompt would fail."""
    checked = list(_checked(prompt))
    every = limits(prompt.prompt, profile.prompts)
    asked = Counter(every)
    for _, _, limit in checked:
        same = [a for a in asked if (a.relation, a.value) == limit and asked[a]]
        if same:
            asked[same[0]] -= 1
    served = Counter((a.relation, a.value) for a in every)
    for id_, kwarg, limit in checked:
        if served[limit]:
            served[limit] -= 1
            continue
        for other in list(asked.elements()):
            if limit[1] in (other.number, other.value) and _fails(other, limit):
                why = f"the prompt asks for {other.relation} {other.value}"
                yield Finding(prompt.key, id_, kwarg, f"{limit[0]} {limit[1]}", why)
                asked[other] -= 1
                break


def _checked(prompt: Prompt) -> Iterator[tuple[str, str, tuple[str, int]]]:
    """Yield id, kwarg and (relation, value) of every limit in the kwargs."""
    for demand in prompt.demands:
        id_, kwargs = demand.instruction.id, demand.arguments
        for kwarg, value in kwargs.items():
            relation = kwargs.get(_RELATED.get(kwarg, "relation"))
            if kwarg in _RELATED and relation is not None:
                yield id_, kwarg, (relation, value)
            elif kwarg in _MINIMAL:
                yield id_, kwarg, (relation or AT_LEAST, value)


def _fails(asked: Limit, checked: tuple[str, int]) -> bool:
    """Tell whether an answer can keep the one limit and break the other."""
    relation, value = checked
    if asked.relation != relation:
        return True
    return asked.value > value if relation == LESS_THAN else asked.value < value


_HOLDS: Final[Mapping[str, Callable[[str, Prompt, LanguageProfile], bool]]] = {
    "letter": _holds_letter,
    "language": _asks_for,
    "section_spliter": _holds_heading,
    "end_phrase": _holds_text,
    "postscript_marker": _holds_text,
    "prompt_to_repeat": _holds_text,
}
