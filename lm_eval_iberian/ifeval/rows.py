"""A prompt with its instructions, an answer to it, what one scoring says of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.health import (
    Generation,
    Health,
    Spoken,
    examine,
    without_thoughts,
)
from lm_eval_iberian.ifeval.instruction import (
    AT_LEAST,
    LESS_THAN,
    Answer,
    Demand,
    Verdict,
)
from lm_eval_iberian.ifeval.language import asked_language
from lm_eval_iberian.ifeval.original import satisfiable
from lm_eval_iberian.ifeval.prompt import Prompt, Published, in_repaired_words
from lm_eval_iberian.ifeval.published_rows import in_google_s_words
from lm_eval_iberian.ifeval.reading import read
from lm_eval_iberian.ifeval.registry import resolve
from lm_eval_iberian.languages import LanguageProfile, load_profile


@dataclass(frozen=True)
class Row:
    """What scoring needs of a prompt.

    Attributes:
        key: Its key, where it has one.
        prompt: Its text, where it is known.
        demands: Its instructions.
        published: Ids and kwargs as they were before any repair.
        unsatisfiable: For each instruction, whether no answer can follow it.
        profile: The language of the task.
        answer_forms: What answers to the published text write, and what it is in the
            repaired one.
        skipped_ids: Instructions of the prompt that nothing here checks.
    """

    key: int | str | None
    prompt: str | None
    demands: Sequence[Demand]
    published: Published
    unsatisfiable: Sequence[bool]
    profile: LanguageProfile
    answer_forms: Sequence[tuple[str, str]] = ()
    skipped_ids: Sequence[str] = ()


def read_row(
    row: Prompt | Mapping[str, Any], lang: str | LanguageProfile | None
) -> Row:
    """Return a row of either form; a prompt's arguments were validated before.

    Raises:
        DataError: A field is missing, ids and kwargs are not equally many, or kwargs
            are not those of their instruction.
    """
    if isinstance(row, Prompt):
        profile = profile_of(row.lang if lang is None else lang)
        return Row(
            row.key,
            row.prompt,
            row.demands,
            row.published,
            row.unsatisfiable,
            profile,
            row.answer_forms,
            row.skipped_ids,
        )
    key = row.get("key")
    for name in ("prompt", "instruction_id_list", "kwargs"):
        if name not in row:
            raise DataError(f"Row {key}: it has no {name!r}.")
    ids, kwargs = row["instruction_id_list"], row["kwargs"]
    if len(ids) != len(kwargs):
        raise DataError(f"Row {key}: {len(ids)} instructions but {len(kwargs)} kwargs.")
    wanted = row.get("lang") if lang is None else lang
    if wanted is None:
        raise DataError(f"Row {key}: it names no language, and none was given.")
    profile = profile_of(wanted)
    instructions = [resolve(name) for name in ids]
    try:
        asked = list(map(in_google_s_words, ids, kwargs))
        demands = tuple(map(Demand.of, instructions, asked))
    except DataError as error:
        raise DataError(f"Row {key}: {error}") from error
    published = row.get("published") or (ids, asked)
    unsatisfiable = row.get("unsatisfiable") or ()
    skipped = row.get("skipped_ids") or ()
    return Row(
        key,
        row["prompt"],
        demands,
        published,
        unsatisfiable,
        profile,
        skipped_ids=skipped,
    )


@dataclass(eq=False)
class Answered:
    """One answer and all that was asked of it.

    Attributes:
        row: What was asked.
        response: The answer.
        generation: What is known of how it came about.
        to_published: Whether it is known to answer the published text.
    """

    row: Row
    response: str | None
    generation: Generation
    to_published: bool = False

    @property
    def reworded(self) -> Answered | None:
        """It as an answer to the repaired text, where it is one to another text."""
        if not self.to_published or not self.response:
            return None
        text = in_repaired_words(self.response, self.row.answer_forms)
        same = text == self.response
        return None if same else Answered(self.row, text, self.generation)

    @cached_property
    def spoken(self) -> Spoken:
        """The answer without its thoughts and the marks around it."""
        return without_thoughts(self.response or "", self.row.prompt or "")

    @cached_property
    def answer(self) -> Answer:
        """The same as the repaired checkers see it."""
        return read(self.spoken, self.row.profile, self.row.prompt)

    @cached_property
    def health(self) -> Health:
        """What is wrong with the answer whatever was asked."""
        languages = (asked.arguments.get("language") for asked in self.row.demands)
        wanted = next((lang for lang in languages if lang is not None), None)
        return examine(
            self.response,
            self.row.prompt or "",
            wanted or asked_language(self.answer),
            generation=self.generation,
        )

    @cached_property
    def satisfiable(self) -> frozenset[tuple[int, str]]:
        """The instructions, by place and id, that both scorings can be satisfied in."""
        flags = dict(enumerate(self.row.unsatisfiable))
        published = enumerate(zip(*self.row.published, strict=True))
        return frozenset(
            (at, resolve(name).id)
            for at, (name, kwargs) in published
            if not flags.get(at)
            and self._keeps_both(at, name, kwargs or {})
            and satisfiable(name, kwargs, lang=self.row.profile, prompt=self.row.prompt)
        )

    def _keeps_both(self, at: int, name: str, published: Mapping[str, Any]) -> bool:
        """Tell whether some number keeps a limit as published and as repaired."""
        demands = self.row.demands
        if at >= len(demands) or demands[at].instruction.id != resolve(name).id:
            return True
        kinds = {kwarg.kind: kwarg.name for kwarg in demands[at].instruction.kwargs}
        if "relation" not in kinds or "count" not in kinds:
            return True
        limits = {
            kwargs.get(kinds["relation"]): kwargs.get(kinds["count"])
            for kwargs in (published, demands[at].arguments)
        }
        least, more = limits.get(AT_LEAST), limits.get(LESS_THAN)
        return not (isinstance(least, int) and isinstance(more, int)) or least < more


@dataclass(frozen=True)
class RowScore:
    """The verdicts on one answer by one scoring.

    Attributes:
        key: The key of the prompt.
        instruction_ids: Google's ids, in the order of the prompt; those that the
            scoring leaves out are not among them.
        places: Where each of them stands in the prompt's own list.
        strict: One verdict for each instruction, on the answer as it is.
        loose: The same on the most favourable of eight variants of the answer.
        scoring: Which scoring.
        answered: What is known besides the verdicts; found out when it is asked for.
    """

    key: int | str | None
    instruction_ids: tuple[str, ...]
    places: tuple[int, ...]
    strict: tuple[Verdict, ...]
    loose: tuple[Verdict, ...]
    scoring: str
    answered: Answered

    @property
    def satisfiable(self) -> tuple[bool, ...]:
        """Whether each instruction can be followed by both scorings.

        That is by an answer which does what the prompt says.
        """
        pairs = zip(self.places, self.instruction_ids, strict=True)
        return tuple(pair in self.answered.satisfiable for pair in pairs)

    @property
    def counts(self) -> bool:
        """Whether the row has an instruction at all; without one it earns nothing."""
        return bool(self.instruction_ids)

    @property
    def whole(self) -> bool:
        """Whether the prompt can be judged as one: nothing in it is unchecked here."""
        return not self.answered.row.skipped_ids

    @property
    def strictly_followed(self) -> bool:
        """Whether every instruction was strictly followed; not where one is unknown."""
        return self._follows(self.strict)

    @property
    def loosely_followed(self) -> bool:
        """Whether every instruction was loosely followed; not where one is unknown."""
        return self._follows(self.loose)

    def _follows(self, verdicts: Sequence[Verdict]) -> bool:
        whole = self.counts and self.whole
        return whole and all(verdict.followed for verdict in verdicts)


def profile_of(lang: str | LanguageProfile) -> LanguageProfile:
    """Return a profile, given as such or by its code."""
    return lang if isinstance(lang, LanguageProfile) else load_profile(lang)
