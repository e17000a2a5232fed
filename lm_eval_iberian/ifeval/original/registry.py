"""The checkers of the original scoring, by Google's ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from lm_eval_iberian.errors import UnknownNameError
from lm_eval_iberian.ifeval.instruction import Verdict
from lm_eval_iberian.ifeval.original import (
    form_checks,
    language_checks,
    word_checks,
)
from lm_eval_iberian.ifeval.original.arguments import Arguments
from lm_eval_iberian.ifeval.original.behaviour import Behaviour
from lm_eval_iberian.ifeval.original.text import Text
from lm_eval_iberian.ifeval.registry import resolve


Check = Callable[[Text, Arguments], Verdict]
_FAMILIES: Final = (word_checks, language_checks, form_checks)
CHECKS: Final[Mapping[str, Check]] = MappingProxyType(
    {name: check for family in _FAMILIES for name, check in family.CHECKS.items()}
)


def find(instruction_id: str, behaviour: Behaviour) -> tuple[str, Check] | None:
    """Return Google's id and the checker, or ``None`` where the original skips it."""
    try:
        name = resolve(instruction_id).id
    except UnknownNameError:
        return None
    if name in behaviour.skips or name not in CHECKS:
        return None
    return name, CHECKS[name]
