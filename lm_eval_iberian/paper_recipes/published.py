"""The merges that are shipped, each with its file: the paper's, and suggestions."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.files import write_whole
from lm_eval_iberian.paper_recipes.as_yaml import recipe_text
from lm_eval_iberian.paper_recipes.recipe_catalogue import (
    MULTI,
    PaperTable,
    RecipeCatalogue,
    Suggestion,
)
from lm_eval_iberian.paper_recipes.request import (
    AVERAGE,
    INSTRUCT,
    Request,
    read_setting,
)


UNTESTED = "untested"


@dataclass(frozen=True)
class Published:
    """A merge that is shipped.

    Args:
        path: Its file, below the folder of recipes.
        request: What it asks for.
        tables: The tables of the paper that it is for.
        suggested: Where it is from, if it is in no table and untested.
    """

    path: PurePosixPath
    request: Request
    tables: tuple[int, ...] = ()
    suggested: str = ""


def published(
    catalogue: RecipeCatalogue, numbers: Collection[int] = (), *,
    fused: bool = False, special_tokens: str = AVERAGE,
) -> list[Published]:  # fmt: skip
    """Return every merge of some tables, or of all.

    Args:
        catalogue: What there is.
        numbers: The tables.
        fused: Whether to take the methods of this package.
        special_tokens: Whose rows of the chat tokens the results have.

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
        for merge in _merges(table, catalogue, fused, special_tokens)
    ]


def suggested(catalogue: RecipeCatalogue) -> list[Published]:
    """Return the merges that measurements on small models suggest, untested."""
    return [
        merge for one in catalogue.suggestions for merge in _suggested(one, catalogue)
    ]


def write_all(
    merges: list[Published], catalogue: RecipeCatalogue, out: Path, force: bool = False
) -> list[Path]:
    """Write the recipes of merges, and return where.

    Args:
        merges: What to write.
        catalogue: What there is.
        out: The folder; made where it is missing.
        force: Whether to write over files that say something else.

    Raises:
        DataError: If such a file is there; nothing is written then.
        OSError: If it cannot be written.
    """
    texts = {
        out / merge.path: recipe_text(
            merge.request, catalogue, merge.tables, merge.suggested
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


def _merges(
    table: PaperTable, catalogue: RecipeCatalogue, fused: bool, special_tokens: str
) -> Iterator[Published]:
    for backbone in table.backbones:
        several = tuple(catalogue.backbones[backbone].experts)
        for method in table.methods:
            for language in table.languages:
                languages = several if language == MULTI else (language,)
                yield Published(
                    PurePosixPath(backbone, f"{method}-{language}.yml"),
                    Request(
                        backbone, method, languages, fused,
                        special_tokens=special_tokens,
                    ),
                    table.numbers,
                )  # fmt: skip


def _suggested(one: Suggestion, catalogue: RecipeCatalogue) -> Iterator[Published]:
    settings = tuple(
        read_setting(catalogue.parameters[name], str(value))
        for name, value in one.values.items()
    )
    fused = not catalogue.methods[one.method].alone
    for backbone in one.backbones:
        for lang in catalogue.backbones[backbone].experts:
            request = Request(
                backbone, one.method, (lang,), fused,
                settings=settings, special_tokens=INSTRUCT,
            )  # fmt: skip
            path = PurePosixPath(UNTESTED, backbone, f"{one.method}-{lang}.yml")
            yield Published(path, request, suggested=one.source)
