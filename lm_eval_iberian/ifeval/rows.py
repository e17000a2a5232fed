"""A prompt with its instructions, in either of the forms that are scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from lm_eval_iberian.errors import DataError


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
