"""Prompts with their instructions, and what one scoring says of one answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Protocol

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.ifeval.conduct import Conduct
from lm_eval_iberian.ifeval.instruction import Verdict


class Aside(Protocol):
    """What is known of an answer whatever the scoring."""

    @property
    def conduct(self) -> Conduct: ...  # noqa: D102
    @property
    def satisfiable(self) -> Set[tuple[int, str]]: ...  # noqa: D102


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
        aside: What is known besides the verdicts; found out when it is asked for.
    """

    key: int | str | None
    instruction_ids: tuple[str, ...]
    places: tuple[int, ...]
    strict: tuple[Verdict, ...]
    loose: tuple[Verdict, ...]
    aside: Aside

    @property
    def conduct(self) -> Conduct:
        """What else is known of the answer: empty, cut off, off-language …"""
        return self.aside.conduct

    @property
    def satisfiable(self) -> tuple[bool, ...]:
        """Whether each instruction can be followed by both scorings.

        That is by an answer which does what the prompt says.
        """
        pairs = zip(self.places, self.instruction_ids, strict=True)
        return tuple(pair in self.aside.satisfiable for pair in pairs)

    @property
    def counts(self) -> bool:
        """Whether the row has an instruction at all; without one it earns nothing."""
        return bool(self.instruction_ids)

    @property
    def strictly_followed(self) -> bool:
        """Whether every instruction was strictly followed."""
        return self.counts and all(verdict.followed for verdict in self.strict)

    @property
    def loosely_followed(self) -> bool:
        """Whether every instruction was loosely followed."""
        return self.counts and all(verdict.followed for verdict in self.loose)


Published = tuple[Sequence[str], Sequence[Mapping[str, Any] | None]]


class PromptLike(Protocol):
    """A prompt and its instructions, as ``ifeval.data`` reads them."""

    @property
    def key(self) -> int: ...  # noqa: D102
    @property
    def prompt(self) -> str: ...  # noqa: D102
    @property
    def instruction_ids(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def kwargs(self) -> Sequence[Mapping[str, Any] | None]: ...  # noqa: D102
    @property
    def lang(self) -> str: ...  # noqa: D102
    @property
    def published(self) -> Published: ...  # noqa: D102
    @property
    def unsatisfiable(self) -> Sequence[bool]: ...  # noqa: D102


@dataclass(frozen=True)
class Row:
    """What scoring needs of a prompt.

    Attributes:
        key: Its key, where it has one.
        prompt: Its text, where it is known.
        instruction_ids: Ids in any form that ``registry.resolve`` knows.
        kwargs: The arguments of each.
        lang: Its language, where it names one.
        published: Ids and kwargs as they were before any repair.
        unsatisfiable: For each instruction, whether no answer can follow it.
    """

    key: int | str | None
    prompt: str | None
    instruction_ids: Sequence[str]
    kwargs: Sequence[Mapping[str, Any] | None]
    lang: str | None
    published: Published
    unsatisfiable: Sequence[bool] = ()

    def __post_init__(self) -> None:
        if len(self.instruction_ids) != len(self.kwargs):
            raise DataError(
                f"Row {self.key}: {len(self.instruction_ids)} instructions but "
                f"{len(self.kwargs)} kwargs."
            )


def read_row(row: PromptLike | Mapping[str, Any]) -> Row:
    """Return a row of either form.

    Raises:
        DataError: A field is missing, or ids and kwargs are not equally many.
    """
    if not isinstance(row, Mapping):
        return Row(
            row.key,
            row.prompt,
            row.instruction_ids,
            row.kwargs,
            row.lang,
            row.published,
            row.unsatisfiable,
        )
    key = row.get("key")
    for name in ("prompt", "instruction_id_list", "kwargs"):
        if name not in row:
            raise DataError(f"Row {key}: it has no {name!r}.")
    ids, kwargs = row["instruction_id_list"], row["kwargs"]
    return Row(
        key=key,
        prompt=row["prompt"],
        instruction_ids=ids,
        kwargs=kwargs,
        lang=row.get("lang"),
        published=row.get("published") or (ids, kwargs),
        unsatisfiable=row.get("unsatisfiable") or (),
    )
