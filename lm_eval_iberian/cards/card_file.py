"""Where a card is written: never over what somebody else has written."""

from __future__ import annotations

import re
from pathlib import Path

from lm_eval_iberian.cards.model_card import KEPT, WRITTEN
from lm_eval_iberian.errors import DataError
from lm_eval_iberian.files import write_whole
from mergekit_ext.outputs.former_merge import former_merge


CARD = "README.md"
# how the lines of mergekit's card begin, between its metadata and its recipe
_MERGEKIT = (
    "# ",
    "This is a merge of pre-trained language models created using [mergekit](",
    "## Merge Details",
    "### Merge Method",
    "This model was merged using the ",
    "### Models Merged",
    "The following models were included in the merge:",
    "* ",
    "### Configuration",
    "The following YAML configuration was used to produce this model:",
)
_METADATA = re.compile(r"\A---\n.*?\n---\n", re.S)


def kept_text(place: Path, *, force: bool = False) -> tuple[str, str]:
    """Return what of a file stays below a new card, and what is to be said of that.

    Args:
        place: Where the card is to be.
        force: Whether anything may be replaced.

    Raises:
        DataError: What is there was written by somebody else, or cannot be read.
    """
    try:
        text = place.read_text("utf-8") if place.exists() else ""
    except (OSError, ValueError) as error:
        raise DataError(f"{place} cannot be read: {error}") from error
    if not text.strip():
        return "", ""
    if WRITTEN in text:
        _, mark, kept = text.partition(KEPT)
        if not mark and not force:
            raise DataError(
                f"{place} has lost the line below which your own text is kept; put it"
                f" back ({KEPT}), give --out FILE, or --force to replace all of it"
            )
        return kept, "your text below it was kept" if kept.strip() else ""
    if is_mergekit_s(place, text):
        return "", f"the {CARD} that mergekit wrote was replaced"
    if not force:
        raise DataError(
            f"{place} was written by somebody else; give --out FILE to write elsewhere,"
            " or --force to replace it"
        )
    return "", f"{place} was replaced"


def is_mergekit_s(place: Path, text: str) -> bool:
    """Return whether a card is the one that mergekit writes, unchanged since.

    Args:
        place: Where it is.
        text: What it holds.
    """
    merged = former_merge(place.parent) if place.name == CARD else None
    if merged is not None and CARD in merged:
        return True
    # one that was copied has another time: it has the lines of one, and no others
    prose, fence, recipe = _METADATA.sub("", text).partition("```yaml\n")
    lines = [line for line in prose.splitlines() if line.strip()]
    whole = bool(fence) and recipe.rstrip().endswith("\n```")
    return whole and _MERGEKIT[1] in prose and all(map(_is_mergekit_line, lines))


def _is_mergekit_line(line: str) -> bool:
    return line.startswith(_MERGEKIT)


def write_card(text: str, place: Path) -> None:
    """Write a card, whole or not at all.

    Raises:
        DataError: It cannot be written there.
    """
    try:
        write_whole(place, text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise DataError(f"{place} cannot be written: {error.strerror}") from error
