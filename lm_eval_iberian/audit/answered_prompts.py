"""Finds the IFEval prompts that a file answers: beside it, in a set, its own."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Final

from lm_eval_iberian.audit.answer_files import AnswerFile, PromptsFile, asked_of
from lm_eval_iberian.errors import DataError
from lm_eval_iberian.ifeval.known_prompts import plain, sets_in
from lm_eval_iberian.ifeval.pairing import Asked
from lm_eval_iberian.ifeval.prompt import Prompt, parse_prompt
from lm_eval_iberian.ifeval.prompt_files import read_prompts
from lm_eval_iberian.ifeval.published_rows import decoded


_OWN: Final = ("key", "prompt", "instruction_id_list", "kwargs")


def find_prompts(
    file: AnswerFile, lang: str, beside: Iterable[PromptsFile] = ()
) -> Asked | None:
    """Return the prompts that a file answers, or None where they are not to be had.

    They are those of a file of prompts among what was given, of a set that is here,
    or the ones that lm-eval's samples hold themselves: the first that hold half of
    the texts. Nothing is fetched.

    Args:
        file: The answers.
        lang: Their language.
        beside: Files of prompts among what was given.

    Raises:
        DataError: The prompts that the samples hold are not what they must be.
    """
    wanted = {plain(row.prompt) for row in file.rows if row.prompt}
    if not wanted:
        return None
    near = [found for one in beside if (found := _read(one, lang))]
    for asked in (*near, *_shipped(lang)):
        if 2 * len(wanted & _texts(asked.prompts)) >= len(wanted):
            return asked
    return _own(file, lang)


def _texts(prompts: Iterable[Prompt]) -> set[str]:
    return {plain(t) for p in prompts for t in (p.prompt, p.published_prompt)}


def _read(file: PromptsFile, lang: str) -> Asked | None:
    """Return the prompts of a file; those in another language do not fit this one."""
    try:
        return Asked(read_prompts(file.path, lang), lang, str(file.path))
    except DataError:
        return None


def _shipped(lang: str) -> Iterable[Asked]:
    return (Asked(prompts, lang, name) for name, prompts in sets_in(lang))


def _own(file: AnswerFile, lang: str) -> Asked | None:
    """Return the prompts that the samples hold; None where they hold no arguments."""
    found: dict[int, Prompt] = {}
    for row in file.rows:
        asked = asked_of(row.row)
        if row.given is None or row.given.key is None or not _is_whole(asked):
            return None
        prompt = parse_prompt(dict(asked), lang, row.where, published=_published(asked))
        other = found.setdefault(prompt.key, prompt)
        if other != prompt:
            raise DataError(f"{row.where}: its key stands for two prompts")
    return Asked(tuple(found.values()), lang, f"the prompts in {file.path}")


def _published(asked: Mapping[str, object]) -> dict[str, object] | None:
    """Return a row of our own tasks as it was before its repair."""
    try:
        ids, kwargs = json.loads(str(asked.get("published")))
    except (ValueError, TypeError, RecursionError):
        return None
    return decoded(dict(asked) | {"instruction_id_list": ids, "kwargs": kwargs})


def _is_whole(asked: Mapping[str, object]) -> bool:
    return all(asked.get(name) is not None for name in _OWN)
