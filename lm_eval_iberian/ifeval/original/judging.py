"""Judges an answer as the original scorers do, strictly and loosely."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from lm_eval_iberian.errors import IberianError, UnknownNameError
from lm_eval_iberian.ifeval.instruction import Verdict, shorten
from lm_eval_iberian.ifeval.original import (
    form_checks,
    language_checks,
    word_checks,
)
from lm_eval_iberian.ifeval.original.arguments import (
    Arguments,
    Behaviour,
    behaviour_of,
)
from lm_eval_iberian.ifeval.original.text import Text
from lm_eval_iberian.ifeval.registry import resolve
from lm_eval_iberian.ifeval.repaired import Variants
from lm_eval_iberian.languages import LanguageProfile


Check = Callable[[Text, Arguments], Verdict]
_FAMILIES: Final = (word_checks, language_checks, form_checks)
CHECKS: Final[Mapping[str, Check]] = MappingProxyType(
    {name: check for family in _FAMILIES for name, check in family.CHECKS.items()}
)
Kwargs = Mapping[str, Any] | None
Verdicts = tuple[Verdict | None, ...]


def judge_original(
    instruction_ids: Sequence[str],
    kwargs: Sequence[Kwargs] | None,
    response: str | None,
    *,
    lang: str | LanguageProfile,
    prompt: str | None,
) -> tuple[Verdicts, Verdicts]:
    """Return the strict and the loose verdicts of the original scoring, bugs included.

    For ``en`` that is lm-eval 0.4.13, for ``eu gl ca es`` the scorer of Merge and
    Conquer, for another language lm-eval with the options of the pack.

    Args:
        instruction_ids: Google's ids; a language prefix is allowed.
        kwargs: Their arguments, in the same order; ``None`` is no arguments.
        response: The whole answer, thoughts included; ``None`` is an empty one.
        lang: The language of the task, by code or as a profile.
        prompt: What was asked; the key of what the original draws by chance.

    Returns:
        For each id a verdict, or ``None`` where the original skips it.

    Raises:
        UnknownNameError: No such language.
    """
    behaviour = behaviour_of(lang)
    text = Text(response or "")
    others = Variants(text.value, Text)
    strict: list[Verdict | None] = []
    loose: list[Verdict | None] = []
    for instruction_id, given in _pairs(instruction_ids, kwargs):
        found = find(instruction_id, behaviour)
        if found is None:
            strict.append(None)
            loose.append(None)
            continue
        name, check = found
        arguments = prepare(name, given, behaviour, prompt)
        verdict = _judge(check, text, arguments)
        strict.append(verdict)
        loose.append(_loosely(check, arguments, verdict, others))
    return tuple(strict), tuple(loose)


def find(instruction_id: str, behaviour: Behaviour) -> tuple[str, Check] | None:
    """Return Google's id and the checker, or ``None`` where the original skips it."""
    try:
        name = resolve(instruction_id).id
    except UnknownNameError:
        return None
    if name in behaviour.skips or name not in CHECKS:
        return None
    return name, CHECKS[name]


def prepare(
    name: str, given: Kwargs, behaviour: Behaviour, prompt: str | None
) -> Arguments:
    """Put the arguments together; where the original drops 0 and the like, so here."""
    values = given or {}
    if behaviour.drops_falsy:
        values = {key: value for key, value in values.items() if value}
    return Arguments(name, values, behaviour, prompt or "")


def _pairs(
    ids: Sequence[str], kwargs: Sequence[Kwargs] | None
) -> Iterator[tuple[str, Kwargs]]:
    """Yield each id with its kwargs, ``None`` where there are none."""
    given = list(kwargs or ())
    yield from zip(ids, given + [None] * (len(ids) - len(given)), strict=False)


def _judge(check: Check, text: Text, arguments: Arguments) -> Verdict:
    """Check one text; where the original would stop with an error, say not followed."""
    if not text.value.strip():
        return Verdict(False, "the answer is empty")
    try:
        return check(text, arguments)
    except re.error as error:
        pattern = shorten(str(error.pattern), 40)
        return Verdict(False, f"not a valid pattern, '{pattern}': {error.msg}")
    except (ImportError, IberianError):  # the installation, not the answer
        raise
    except Exception as error:
        reason = shorten(str(error)) or type(error).__name__
        return Verdict(False, f"the original fails on these arguments: {reason}")


def _loosely(
    check: Check, arguments: Arguments, strict: Verdict, others: Variants[Text]
) -> Verdict:
    """Return the first favourable verdict among the variants, else the strict one."""
    if strict.followed:
        return strict
    for name, text in others:
        verdict = _judge(check, text, arguments)
        if verdict.followed:
            return Verdict(True, f"{name}: {verdict.reason}")
    return strict
