"""Whether an answer that does what the prompt says can pass the original scoring."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from lm_eval_iberian.errors import UnknownNameError
from lm_eval_iberian.ifeval.original.arguments import Arguments, behaviour_of
from lm_eval_iberian.ifeval.original.judging import find, prepare
from lm_eval_iberian.ifeval.original.obstacles import RULES, Wording
from lm_eval_iberian.ifeval.original.text import Text
from lm_eval_iberian.ifeval.registry import INSTRUCTIONS
from lm_eval_iberian.languages import LanguageProfile, load_profile


# checks that ask a detector, whose model is not to be loaded for a sample of one letter
_DETECTED: Final = (
    "language:response_language",
    "change_case:english_capital",
    "change_case:english_lowercase",
)


def satisfiable(
    instruction_id: str,
    kwargs: Mapping[str, Any] | None,
    *,
    lang: str | LanguageProfile,
    prompt: str | None,
) -> bool:
    """Tell whether an obedient answer can pass an instruction's original check.

    Args:
        instruction_id: Google's id; a language prefix is allowed.
        kwargs: Its arguments as they were published.
        lang: The language of the task, by code or as a profile.
        prompt: What was asked; without it only the arguments are looked at.

    Raises:
        UnknownNameError: No such language.
    """
    return obstacle(instruction_id, kwargs, lang=lang, prompt=prompt) is None


def obstacle(
    instruction_id: str,
    kwargs: Mapping[str, Any] | None,
    *,
    lang: str | LanguageProfile,
    prompt: str | None,
) -> str | None:
    """Say what keeps an obedient answer from passing, ``None`` if nothing does.

    Arguments are those of ``satisfiable``. Nothing stands in the way of an instruction
    that the original skips.
    """
    pairs = (kwargs or {}).items()
    given = tuple((name, _frozen(value)) for name, value in pairs)
    return _obstacle(instruction_id, given, lang, prompt or "")


def _frozen(value: Any) -> Any:
    """Make a value fit for a key."""
    if isinstance(value, list | tuple):
        return tuple(map(_frozen, value))
    return str(value) if isinstance(value, dict | set) else value


@lru_cache(maxsize=8192)
def _obstacle(
    instruction_id: str,
    given: tuple[tuple[str, Any], ...],
    lang: str | LanguageProfile,
    prompt: str,
) -> str | None:
    """Apply the rules; a prompt is met once for each of many answers."""
    behaviour = behaviour_of(lang)
    found = find(instruction_id, behaviour)
    if found is None:
        return None
    name, check = found
    arguments = prepare(name, dict(given), behaviour, prompt)
    if unknown := _unknown_there(arguments):
        return f"the original has no kwarg {unknown!r} on this type"
    if drawn := _drawn(arguments):
        return f"the original draws {drawn} at random"
    try:
        if name not in _DETECTED:
            check(Text("x"), arguments)
        rule = RULES.get(name)
        return rule(Wording(arguments, _profile(lang))) if rule else None
    except Exception as error:
        return f"the original fails on these arguments: {error}"


def _unknown_there(arguments: Arguments) -> str | None:
    """Name a kwarg that only the repaired scoring takes, where one is given."""
    kwargs = INSTRUCTIONS[arguments.instruction_id].kwargs
    names = [kwarg.name for kwarg in kwargs if not kwarg.required]
    return next((name for name in names if arguments.get(name) is not None), None)


def _drawn(arguments: Arguments) -> str | None:
    """Name the first argument that is missing or negative, so drawn by chance."""
    for kwarg in INSTRUCTIONS[arguments.instruction_id].kwargs:
        if not kwarg.required:
            continue
        value = arguments.get(kwarg.name)
        if value in (None, "", ()) or (isinstance(value, int) and value < 0):
            return kwarg.name
    return None


def _profile(lang: str | LanguageProfile) -> LanguageProfile | None:
    """Return the pack of a language, if it has one."""
    try:
        return load_profile(lang) if isinstance(lang, str) else lang
    except UnknownNameError:
        return None
