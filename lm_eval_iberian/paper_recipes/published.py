"""Every merge of the paper's tables, each with the file it has."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.files import write_whole
from lm_eval_iberian.paper_recipes.as_yaml import recipe_text
from lm_eval_iberian.paper_recipes.recipe_catalogue import (
    MULTI,
    PaperTable,
    RecipeCatalogue,
)
from lm_eval_iberian.paper_recipes.request import AVERAGE, Request


@dataclass(frozen=True)
class Published:
    """A merge of the tables.

    Args:
        path: Its file, below the folder of recipes.
        request: What it asks for.
        tables: The tables it is for.
    """

    path: PurePosixPath
    request: Request
    tables: tuple[int, ...]


def published(
    catalogue: RecipeCatalogue, numbers: Collection[int] = ()
) -> list[Published]:
    """Return every merge of some tables, or of all.

    Raises:
        UnknownNameError: For a table that has no merges.
    """
    known = {number for table in catalogue.tables for number in table.numbers}
    for number in numbers:
        if number not in known:
            raise UnknownNameError("table", str(number), map(str, known))
    wanted = set(numbers) or known
    return [
        merge
        for table in catalogue.tables
        if wanted & set(table.numbers)
        for merge in _merges(table, catalogue)
    ]


def write_all(
    merges: list[Published], catalogue: RecipeCatalogue, out: Path, *,
    fused: bool = False, special_tokens: str = AVERAGE, force: bool = False,
) -> list[Path]:  # fmt: skip
    """Write the recipes of merges, and return where.

    Args:
        merges: What to write.
        catalogue: What there is.
        out: The folder; made where it is missing.
        fused: Whether to take the methods of this package.
        special_tokens: Whose rows of the chat tokens the results have.
        force: Whether to write over files that say something else.

    Raises:
        DataError: If such a file is there; nothing is written then.
        OSError: If it cannot be written.
    """
    texts = {
        out / merge.path: recipe_text(
            replace(merge.request, fused=fused, special_tokens=special_tokens),
            catalogue,
            merge.tables,
        )
        for merge in merges
    }
    if not force:
        for path, text in texts.items():
            refuse_other(path, text)
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text)
    return list(texts)


def refuse_other(path: Path, text: str) -> None:
    """Raise where a file is there that says something else.

    Raises:
        DataError: If so.
    """
    device = path.exists() and not (path.is_file() or path.is_dir())
    if device or not path.exists():  # as /dev/stdout
        return
    if path.is_dir() or path.read_bytes() != text.encode():
        raise DataError(f"{path} is there and says something else; --force overwrites.")


def _merges(table: PaperTable, catalogue: RecipeCatalogue) -> Iterator[Published]:
    for backbone in table.backbones:
        several = tuple(catalogue.backbones[backbone].experts)
        for method in table.methods:
            for language in table.languages:
                languages = several if language == MULTI else (language,)
                yield Published(
                    PurePosixPath(backbone, f"{method}-{language}.yml"),
                    Request(backbone, method, languages),
                    table.numbers,
                )
