"""What a model takes over from another so that it ends its turns as that one does.

Ids are those of the model that takes: a token is looked up by its text, since another
tokenizer may number it otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mergekit_ext.inputs.chat_template import ChatTemplate
from mergekit_ext.inputs.turn_ends import BOS, EOS, PAD, TurnEnds


# what of generation_config.json is ids, and what is made of them
_IDS = ("suppress_tokens", "begin_suppress_tokens")
_MADE_OF_IDS = (
    "bad_words_ids", "force_words_ids", "forced_decoder_ids", "sequence_bias",
)  # fmt: skip


@dataclass(frozen=True)
class Borrowed:
    """What changes in a model's folder.

    Args:
        ends: The ids that it will end on, the tokenizer's own first.
        shown: The same as a user reads them.
        config: Key of ``config.json`` to its value; ``None`` for one that is to go.
        generation: All of ``generation_config.json``; ``None`` if it stays as it is.
        template: The chat template to carry; ``None`` if that stays as it is.
        named: ``"eos_token"`` and the like to the token that the template means by it.
        lacking: The end tokens of the other that this one has no row for.
        unwritable: The tokens of its template that this one does not have.
        notes: What of the other could not be taken over, a sentence each.
    """

    ends: tuple[int, ...] = ()
    shown: tuple[str, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    generation: Mapping[str, Any] | None = None
    template: ChatTemplate | None = None
    named: Mapping[str, str] = field(default_factory=dict)
    lacking: tuple[str, ...] = ()
    unwritable: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def borrow(
    donor: TurnEnds | None, own: TurnEnds, *, own_template: bool = False
) -> Borrowed:
    """Return what a model takes over from a donor.

    Args:
        donor: ``None`` where there is nobody to take after; then only what is no id of
            the vocabulary is put right.
        own: The model that takes.
        own_template: Whether it keeps its template, and ends on what that writes.
    """
    giver = donor or own
    borrower = _Borrower(giver, own)
    ends = borrower.ends(giver.all_ids(EOS))
    written = own.template_ends if own_template else ()
    ends = _each_once(
        ends,
        filter(own.is_valid, own.tokenizer_ids(EOS)),
        (own.ids[token] for token in written if own.is_valid(own.ids[token])),
    )
    if not ends:
        ends = _each_once(filter(own.is_valid, own.all_ids(EOS)))
    values: dict[str, Any] = {EOS: _as_written(ends)}
    for key in (BOS, PAD):
        values[key] = borrower.one(key)
    generation = borrower.generation(values, keep=donor is None)
    template: ChatTemplate | None = None
    unwritable: tuple[str, ...] = ()
    if donor is not None and donor.template is not None and not own_template:
        unwritable = borrower.unwritable()
        same = own.template is not None and own.template.named == donor.template.named
        if not (unwritable or same) and own.has_tokenizer:
            template = donor.template
    variables = giver.written_variables if template is not None else {}
    first = own.tokenizer_ids(EOS)
    shown = sorted(ends, key=lambda number: number not in first)
    return Borrowed(
        ends,
        tuple(own.text(one) or f"token {one}" for one in shown),
        {k: v for k, v in values.items() if not _same(own.config.get(k), v)},
        None if _same_content(generation, own.generation) else generation,
        template,
        {k: token for k, token in variables.items() if own.named.get(k) != token},
        tuple(borrower.lacking),
        unwritable,
        tuple(borrower.notes),
    )


class _Borrower:
    """Looks up what is one model's in another's vocabulary, and what is not there."""

    def __init__(self, giver: TurnEnds, own: TurnEnds) -> None:
        self._giver, self._own = giver, own
        self.notes: list[str] = []
        self.lacking: list[str] = []

    def find(self, number: int) -> int | None:
        """Return the id in the own vocabulary, ``None`` if it has no such token."""
        giver, own = self._giver, self._own
        if not giver.is_valid(number):
            return None
        text = giver.text(number)
        if text is not None and text in own.ids:
            found = own.ids[text]
        elif (own.lists_all if text is not None else giver.lists_all) and (
            text is not None or own.text(number) is not None
        ):
            return None
        else:  # nobody tells, and models that can be merged share their vocabulary
            found = number
        return found if own.is_valid(found) else None

    def ends(self, numbers: Iterable[int]) -> tuple[int, ...]:
        """Return the ids of end tokens, and note those that are none."""
        found = []
        for number in numbers:
            here = self.find(number)
            if here is not None:
                found.append(here)
            elif not self._giver.is_valid(number):
                size = self._giver.rows or len(self._giver.ids)
                self.notes.append(
                    f"{self._giver.model!r} ends on token {number}, which is none of"
                    f" its {size} tokens; that is left out."
                )
            else:
                self.lacking.append(self._giver.text(number) or f"token {number}")
        return tuple(found)

    def one(self, key: str) -> int | None:
        """Return the id of a token of which there is one, ``None`` if none is known."""
        given = (self.find(number) for number in self._giver.all_ids(key))
        own = filter(
            self._own.is_valid,
            (*self._own.tokenizer_ids(key), *self._own.config_ids(key)),
        )
        return next((one for one in (*given, *own) if one is not None), None)

    def generation(
        self, values: Mapping[str, Any], *, keep: bool
    ) -> dict[str, Any] | None:
        """Return ``generation_config.json``, ``None`` where there is to be none.

        Args:
            values: What it is to have of the tokens that have a name.
            keep: Whether it is the model's own that is put right.
        """
        giver, own = self._giver, self._own
        nobodys = own.generation is None and (keep or giver.generation is None)
        if nobodys and not own.broken_settings:
            return None
        given = dict(
            (own.generation or {})
            if giver.broken_settings
            else self._translated(giver.generation or {})
        )
        for key, value in values.items():
            if value is not None:
                given[key] = value
            elif given.get(key) is not None:
                del given[key]
        return given

    def _translated(self, content: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        renumbered = self._own.lists_all and self._giver.ids != self._own.ids
        for key, value in content.items():
            named = key.endswith("_token_id") or key in _IDS
            if not renumbered or value is None or not (named or key in _MADE_OF_IDS):
                yield key, value
                continue
            given = value if isinstance(value, list) else [value]
            found = [self.find(one) if type(one) is int else None for one in given]
            if key in (EOS, BOS, PAD):
                continue
            if key in _MADE_OF_IDS or None in found:
                self.notes.append(
                    f"{key} of {self._giver.model!r} is of tokens that the result"
                    " numbers otherwise or does not have; it is left out."
                )
            else:
                yield key, found if isinstance(value, list) else found[0]

    def unwritable(self) -> tuple[str, ...]:
        """Return the tokens that the donor's template writes and the own lacks."""
        giver, own = self._giver, self._own
        if giver.template is None or not own.lists_all:
            return ()
        texts = giver.template.named.values()
        written = [t for t in giver.added if t and any(t in text for text in texts)]
        written += giver.written_variables.values()
        return tuple(dict.fromkeys(token for token in written if token not in own.ids))


def _each_once(*groups: Iterable[int]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(one for group in groups for one in group))


def _as_written(ends: tuple[int, ...]) -> Any:
    if len(ends) > 1:
        return list(ends)
    return ends[0] if ends else None


def _same(one: Any, other: Any) -> bool:
    """Whether two values say the same tokens, in whatever order."""

    def listed(value: Any) -> list[Any]:
        return value if isinstance(value, list) else [value]

    return sorted(map(repr, listed(one))) == sorted(map(repr, listed(other)))


def _same_content(
    one: Mapping[str, Any] | None, other: Mapping[str, Any] | None
) -> bool:
    if one is None or other is None:
        return one is other
    return one.keys() == other.keys() and all(
        _same(value, other[key]) if key == EOS else value == other[key]
        for key, value in one.items()
    )
