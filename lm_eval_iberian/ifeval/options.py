"""The options of a constrained answer: which are offered, which was chosen."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from lm_eval_iberian.ifeval.answer import Answer
from lm_eval_iberian.languages import LanguageProfile, fold_spaces


# emphasis and quotes may stand anywhere in an option: My answer is **yes**.
_MARKS: Final = str.maketrans("", "", '*_`"“”«»')


def offered(answer: Answer) -> tuple[str, ...]:
    """Return the options that the prompt lists, else those of the language's pack."""
    listed: dict[str, str] = {}
    if answer.prompt:
        for match in _listed_pattern(answer.profile).finditer(answer.prompt):
            option = " ".join(match[0].split()).rstrip(" ,;")
            listed.setdefault(_key(option), option)
    listed.pop("", None)
    if len(listed) > 1:
        return tuple(listed.values())
    return answer.profile.constrained.options


def chosen(text: str, options: tuple[str, ...]) -> list[str]:
    """Return the options that a text holds; case and the last full stop are free."""
    folded = fold_spaces(text.translate(_MARKS))
    found = []
    for option in sorted(options, key=len, reverse=True):
        pattern = rf"(?<![^\W_]){re.escape(_key(option))}(?![^\W_])"
        folded, uses = re.subn(pattern, "\n", folded)
        if uses:
            found.append(option)
    return found


def _key(option: str) -> str:
    """Return an option as it is compared."""
    return fold_spaces(option.translate(_MARKS)).rstrip(" .")


@lru_cache(maxsize=64)
def _listed_pattern(profile: LanguageProfile) -> re.Pattern[str]:
    """Compile how an option looks in a prompt: its stem and some words more."""
    stems = "|".join(map(re.escape, profile.constrained.stems))
    words = r"[^.\n\"'“”«»‘’()/;,]{1,60}"
    return re.compile(rf"(?<![^\W_])(?:{stems})[ \t]+{words}\.?", re.IGNORECASE)
