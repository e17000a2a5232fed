"""A sample as the page shows it: what was asked, what was answered, how it scored."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from lm_eval_iberian.comparison import SampleRow, value_in
from lm_eval_iberian.page.verdicts_again import is_ifeval, score_again
from lm_eval_iberian.stats import sentence_chrf


Json = dict[str, Any]
_RATE: Final = "_rate"
_STOPS: Final = "stop_rate"


def item_of(row: SampleRow) -> Json:
    """Return what is the same for every model.

    ``t`` is the target, ``c`` the choices, ``r`` which is right. The prompt is under
    ``p``; models may have had others.
    """
    sample = row.sample
    asked = _arguments(sample)
    choices = _choices(asked, _values(sample))
    found: Json = {"k": row.key, "p": _prompt(asked, choices)}
    target = sample.get("target")
    if choices:
        found["c"] = choices
        right = _right(target, choices)
        if right is not None:
            found["r"] = right
    if target not in (None, ""):
        found["t"] = target if isinstance(target, str) else str(target)
    return found


def answer_of(row: SampleRow, name: str, form: str, lang: str) -> Json:
    """Return a model's answer and how it scored.

    ``s`` is the score, ``g`` whether it is right, ``a`` the text, ``l`` the log
    likelihoods of choices and ``x`` the one that was chosen, ``f`` what a filter made
    of the text, ``v`` verdicts, ``h`` what is wrong with the answer, ``w`` file and
    line. What is not there is left out.

    Args:
        row: The sample.
        name: lm-eval's name of the metric that counts.
        form: What a sample holds of it, as the catalogue says.
        lang: The language of the task, to score instructions again.
    """
    sample = row.sample
    values = _values(sample)
    asked = _arguments(sample)
    score, right = _score(value_in(sample, name, form), form)
    found: Json = {"w": row.where}
    if score is not None:
        found["s"] = round(score, 6)
    if right is not None:
        found["g"] = int(right)
    if _choices(asked, values):
        found["l"] = [None if v is None else round(v, 2) for v in values]
        known = [v for v in values if v is not None]
        if known:
            found["x"] = values.index(max(known))
    elif form == "losses" and len(values) == 1 and values[0] is not None:
        found["l"] = [round(values[0], 2)]
    else:
        said, kept = _said(sample)
        found["a"] = said
        if kept is not None and kept != said:
            found["f"] = kept
        _add_verdicts(found, sample, said if kept is None else kept, lang)
    _add_health(found, sample)
    return found


def _arguments(sample: Mapping[str, Any]) -> list[list[Any]]:
    """Return the arguments of each request; lm-eval had two forms for them."""
    given = sample.get("arguments")
    if isinstance(given, Mapping):
        names = sorted(given, key=lambda name: (len(name), name))
        given = [given[name] for name in names]
    if not isinstance(given, list):
        return []
    return [
        [one[name] for name in sorted(one)] if isinstance(one, Mapping) else list(one)
        for one in given
        if isinstance(one, Mapping | list)
    ]


def _values(sample: Mapping[str, Any]) -> list[float | None]:
    """Return the log likelihoods, one for each request; of texts, ``None``."""
    found = []
    for answers in sample.get("resps") or ():
        first = answers
        while isinstance(first, list) and first:
            first = first[0]
        found.append(_number(first))
    return found


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _choices(asked: Sequence[Sequence[Any]], values: Sequence[object]) -> list[str]:
    """Return the texts that were chosen among; empty where the model wrote one."""
    if len(asked) < 2 or len(asked) != len(values):
        return []
    if not all(len(one) > 1 and isinstance(one[1], str) for one in asked):
        return []
    ends = [one[1] for one in asked]
    # some tasks ask for one ending after several beginnings
    return [str(one[0]) for one in asked] if len(set(ends)) == 1 else ends


def _prompt(asked: Sequence[Sequence[Any]], choices: Sequence[str]) -> str:
    if not asked or not asked[0]:
        return ""
    if choices and choices[0] == asked[0][0]:
        return str(asked[0][1])
    return str(asked[0][0])


def _right(target: object, choices: Sequence[str]) -> int | None:
    """Return which choice is right: by its number, else by its text."""
    text = str(target).strip()
    if text.isdecimal() and int(text) < len(choices):
        return int(text)
    same = [at for at, choice in enumerate(choices) if choice.strip() == text]
    return same[0] if len(same) == 1 else None


def _score(value: Any, form: str) -> tuple[float | None, bool | None]:
    """Return an item's score, and whether it is right where it is right or wrong.

    Args:
        value: What the sample holds of the metric.
        form: The form it has there, as the catalogue says.
    """
    if form == "right" and isinstance(value, bool | int | float):
        if not math.isfinite(value):
            return None, None
        return float(value), bool(value) if value in (0, 1) else None
    if not isinstance(value, list) or not value:
        return None, None
    if form == "verdicts" and all(one in (0, 1) for one in value):
        return sum(value) / len(value), all(value)
    if len(value) != 2:
        return None, None
    if form == "labels":
        return float(value[0] == value[1]), bool(value[0] == value[1])
    if form == "texts" and all(isinstance(one, str) for one in value):
        return sentence_chrf(*value), None
    if form == "losses" and all(isinstance(one, int | float) for one in value):
        return _perplexity(*value), None
    return None, None


def _perplexity(likelihood: float, units: float) -> float | None:
    try:
        found = math.exp(-likelihood / units)
    except (OverflowError, ZeroDivisionError, ValueError):
        return None
    return found if math.isfinite(found) else None


def _said(sample: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return what the model wrote, and what a filter made of it."""
    said: Any = sample.get("resps")
    while isinstance(said, list) and said:
        said = said[0]
    kept: Any = sample.get("filtered_resps")
    while isinstance(kept, list) and kept:
        kept = kept[0]
    text = said if isinstance(said, str) else "" if said in (None, []) else str(said)
    return text, kept if isinstance(kept, str) else None


def _add_verdicts(
    found: Json, sample: Mapping[str, Any], response: str, lang: str
) -> None:
    if not is_ifeval(sample):
        return
    again = score_again(sample, response, lang)
    found["v"] = [[v.instruction, v.stored, v.now, v.reason] for v in again.verdicts]
    if again.health:
        found["h"] = dict(again.health)


def _add_health(found: Json, sample: Mapping[str, Any]) -> None:
    """Add what the sample itself says is wrong with the answer."""
    rates = [
        name.removesuffix(_RATE)
        for name, value in sample.items()
        if name.endswith(_RATE) and name != _STOPS and value is True
    ]
    if rates:
        reasons = found.setdefault("h", {})
        for name in rates:
            reasons.setdefault(name, "")
    if _STOPS in sample:
        found["o"] = int(bool(sample[_STOPS]))
