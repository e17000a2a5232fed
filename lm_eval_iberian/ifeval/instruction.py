"""An instruction type, what its checker is given, and the verdict that it gives."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.languages import LanguageProfile, is_blank, laid_out, plain
from lm_eval_iberian.languages.detect import known_languages


@dataclass(frozen=True)
class Answer:
    r"""An answer without the model's thoughts and the marks around it.

    Attributes:
        text: It as it was written: in NFC, with ``\n`` line ends, without invisible
            characters.
        profile: The language of the task.
        prompt: What was asked; some checks read the wanted form from it.
        unclosed: Whether it ended inside a thought, so that nothing was answered.
    """

    text: str
    profile: LanguageProfile
    prompt: str | None = None
    unclosed: bool = False

    @property
    def laid_out(self) -> str:
        """It with its lines, headings and emphasis, without HTML, images, addresses."""
        return laid_out(self.text)

    @property
    def plain(self) -> str:
        """What a reader sees of it: no mark of markup is a letter or parts a word."""
        return plain(self.text)


@dataclass(frozen=True)
class Verdict:
    """Whether an instruction was followed, and why in words a reader can check."""

    followed: bool
    reason: str

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise ValueError("A verdict needs a reason.")

    def __bool__(self) -> bool:
        return self.followed


def shown(items: list[str] | tuple[str, ...], limit: int = 5, width: int = 40) -> str:
    """Quote a few items for a reason, each of them shortened."""
    if not items:
        return "none"
    kept = [f"'{shorten(item, width)}'" for item in items[:limit]]
    more = f" and {len(items) - limit} more" if len(items) > limit else ""
    return ", ".join(kept) + more


def shorten(text: str, width: int = 60) -> str:
    """Return the text on one line, cut at a width."""
    line = " ".join(text[: 4 * width].split())
    return line if len(line) <= width else f"{line[:width]}…"


# a longer answer does not consist of markup alone
_MARKUP: Final = 100
LESS_THAN: Final = "less than"
AT_LEAST: Final = "at least"
Checker = Callable[..., Verdict]


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_texts(value: object) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(map(_is_text, value))


def _is_character(value: object) -> bool:
    return isinstance(value, str) and len(unicodedata.normalize("NFC", value)) == 1


def _is_language(value: object) -> bool:
    return isinstance(value, str) and value in known_languages()


_KINDS: Final[Mapping[str, tuple[str, Callable[[object], bool]]]] = {
    "count": ("a whole number from 0", _is_count),
    "rank": ("a whole number from 1", lambda v: _is_count(v) and v != 0),
    "text": ("a text that is not blank", _is_text),
    "texts": ("a list of texts, none of them blank", _is_texts),
    "character": ("one character", _is_character),
    "language": ("the code of a language that can be told", _is_language),
    "relation": (
        f"{LESS_THAN!r} or {AT_LEAST!r}",
        lambda v: isinstance(v, str) and v in (LESS_THAN, AT_LEAST),
    ),
}


@dataclass(frozen=True)
class Kwarg:
    """A kwarg that a type takes: its name, its kind, whether it may be missing."""

    name: str
    kind: str
    required: bool = True

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise ValueError(f"Kwarg {self.name}: unknown kind {self.kind!r}.")


# Google's types that ask for at least so many; other sets give them a relation, too
ANY_RELATION: Final = Kwarg("relation", "relation", required=False)


@dataclass(frozen=True)
class Instruction:
    """One of the instruction types.

    Attributes:
        id: Google's id, e.g. ``punctuation:no_comma``.
        check: Takes the answer and, by name, the arguments.
        kwargs: What arguments it takes.
        character: What it counts of a language's ``CharacterRules``; languages that
            have none of it have no such type.
    """

    id: str
    check: Checker
    kwargs: tuple[Kwarg, ...] = ()
    character: str = ""

    def validate(self, kwargs: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return the arguments among ``kwargs``; ``None`` is a missing value, 0 is not.

        One text where a list of texts belongs is a list of one.

        Raises:
            DataError: A kwarg is unknown here, missing, or of the wrong type; the
                message names the instruction and the kwarg.
        """
        if not isinstance(kwargs, Mapping | None):
            kind = type(kwargs).__name__
            raise DataError(f"{self.id}: kwargs must be a mapping, not {kind}.")
        given = {str(k): v for k, v in (kwargs or {}).items() if v is not None}
        known = {kwarg.name: kwarg for kwarg in self.kwargs}
        for name in given:
            if name not in known:
                raise DataError(self._unknown(name, list(known)))
        for name, kwarg in known.items():
            if name not in given:
                if kwarg.required:
                    raise DataError(f"{self.id}: kwarg {name!r} is missing.")
                continue
            if kwarg.kind == "texts" and isinstance(given[name], str):
                given[name] = [given[name]]
            wording, fits = _KINDS[kwarg.kind]
            if not fits(given[name]):
                found = shorten(repr(given[name]), 80)
                raise DataError(
                    f"{self.id}: kwarg {name!r} must be {wording}, not {found}."
                )
        return given

    def _unknown(self, name: str, known: list[str]) -> str:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        takes = ", ".join(known) or "no kwargs"
        return f"{self.id}: unknown kwarg {name!r}.{hint} It takes {takes}."


@dataclass(frozen=True)
class Demand:
    """An instruction with the arguments of one prompt, which fit it.

    Attributes:
        instruction: The type.
        arguments: What its ``validate`` returned.
    """

    instruction: Instruction
    arguments: dict[str, Any]

    @classmethod
    def of(cls, instruction: Instruction, kwargs: Mapping[str, Any] | None) -> Demand:
        """Put an instruction and its kwargs together.

        Raises:
            DataError: They are not those of the instruction.
        """
        return cls(instruction, instruction.validate(kwargs))

    def judge(self, answer: Answer) -> Verdict:
        """Check an answer; one that shows nothing never follows."""
        if answer.unclosed:
            reason = "the answer is empty: it ended inside a thought"
            return Verdict(False, reason)
        text = answer.text
        if is_blank(text) or (len(text) < _MARKUP and is_blank(answer.plain)):
            return Verdict(False, "the answer is empty")
        return self.instruction.check(answer, **self.arguments)


def compare(found: int, relation: str, wanted: int) -> bool:
    """Tell whether a count stands in the relation to the wanted number."""
    return found < wanted if relation == LESS_THAN else found >= wanted


def counted(found: int, relation: str, wanted: int, what: str) -> Verdict:
    """Return the verdict on a count: ``what`` names the things, e.g. ``words``."""
    reason = f"{found} {what} found, {relation} {wanted} wanted"
    return Verdict(compare(found, relation, wanted), reason)
