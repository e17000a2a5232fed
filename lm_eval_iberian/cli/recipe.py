"""``iberian recipe``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lm_eval_iberian.errors import IberianError
from lm_eval_iberian.terminal import console, shown


if TYPE_CHECKING:
    from lm_eval_iberian.paper_recipes import ParameterSetting, Published, Request


# parameter -> how its option is explained
_VALUES = {
    "weight": (
        "[MODEL=]NUMBER",
        "Of instruct=, of eu= …, or of every language expert.",
    ),
    "weight_embeddings": ("[MODEL=]NUMBER", "The same, of embeddings and head alone."),
    "weight_attention": ("[MODEL=]NUMBER", "The same, of attention."),
    "weight_mlp": ("[MODEL=]NUMBER", "The same, of feed-forward layers."),
    "weight_norms": ("[MODEL=]NUMBER", "The same, of norms."),
    "density": ("[MODEL=]SHARE", "The share of each task vector to keep."),
    "epsilon": ("[MODEL=]SHARE", "How far DELLA's probabilities are from the density."),
    "gamma": ("[MODEL=]SHARE", "The share of the largest to drop."),
    "lambda": ("NUMBER", "A factor for the sum of the task vectors."),
    "t": ("NUMBER", "How near weights must be to be swapped."),
    "normalize": ("true|false", "Whether to divide by the sum of the weights."),
    "rescale": ("true|false", "Whether to make up for what is dropped."),
    "seed": ("NUMBER", "Of DARE's and DELLA's masks; with --fused."),
    "alpha": ("NUMBER", "What an expert's first layer is multiplied by."),
    "beta": ("NUMBER", "What its last layer is multiplied by."),
    "energy": ("SHARE", "How much of the instructed model's change is protected."),
    "side": ("NAME", "What is protected: right (what it reads), left or both."),
    "bottom": ("LAYERS", "How many come from the language expert; or a share."),
    "top": ("LAYERS", "The same, of the last layers."),
    "transition": ("LAYERS", "How many between the two are averaged; or a share."),
    "embeddings": ("NAME", "Whose they are: language, task or average."),
    "revert": ("NAME", "A part that gets the base model's weights."),
}


def _values(command: Callable[..., Any]) -> Callable[..., Any]:
    for name, (metavar, text) in reversed(_VALUES.items()):
        option = click.option(
            f"--{name}", f"value_{name}", metavar=metavar, help=text, multiple=True
        )
        command = option(command)
    return command


@click.command("recipe")
@click.option("--backbone", metavar="NAME", help="As in --list.")
@click.option("--method", metavar="NAME", help="As in --list, with mergekit's names.")
@click.option("--fused", is_flag=True, help="This project's method of that name.")
@click.option(
    "--lang", "languages", metavar="LANG", multiple=True,
    help="Give it more than once for a multilingual model.",
)  # fmt: skip
@click.option("--base", metavar="ID", help="Another base model, or a folder.")
@click.option("--instruct", metavar="ID", help="Another instructed model.")
@click.option(
    "--expert", "experts", metavar="LANG=ID", multiple=True,
    help="Another language expert.",
)  # fmt: skip
@_values
@click.option(
    "--dtype", help="Of the result; the backbone's or the models' when left out."
)
@click.option(
    "--special-tokens", metavar="instruct|base|average", default="average",
    help="Whose rows of the chat tokens the result has; average merges them too.",
)  # fmt: skip
@click.option(
    "-o", "--out", type=click.Path(dir_okay=False, path_type=Path),
    help="Write here, not to the screen.",
)  # fmt: skip
@click.option(
    "--all", "folder", type=click.Path(file_okay=False, path_type=Path),
    help="Write every merge of the paper's tables below this folder.",
)  # fmt: skip
@click.option(
    "--table", "tables", type=int, multiple=True,
    help="With --all: the merges of this table alone.",
)  # fmt: skip
@click.option(
    "--suggested", is_flag=True,
    help="With --all: what docs/keeping_instructions.md suggests, which is untested.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Write over files that are there.")
@click.option("--check", is_flag=True, help="Ask mergekit too, which takes seconds.")
@click.option("--list", "listing", is_flag=True, help="Print what there is.")
def command(
    backbone: str | None,
    method: str | None,
    fused: bool,
    languages: tuple[str, ...],
    base: str | None,
    instruct: str | None,
    experts: tuple[str, ...],
    dtype: str | None,
    special_tokens: str,
    out: Path | None,
    folder: Path | None,
    tables: tuple[int, ...],
    suggested: bool,
    force: bool,
    check: bool,
    listing: bool,
    **values: tuple[str, ...],
) -> None:
    """Make recipes for mergekit: the paper's merges, and others like them.

    \b
    iberian recipe --backbone qwen3-8b --method linear --lang eu
    iberian recipe … --lang eu --weight 0.25        a point of the paper's Figure 1
    iberian recipe … --lang eu --lang gl --fused    multilingual, this project's method
    iberian recipe --all recipes --table 8          every merge of a table
    iberian recipe --all recipes --suggested        what no paper has, untested
    """
    single = (backbone, method, languages, base, instruct, experts, dtype, out)
    if listing:
        _list()
    elif folder is not None:
        if any(single) or any(values.values()):
            raise click.UsageError(
                "--all goes with --table, --fused, --special-tokens and --force alone"
            )
        if suggested and (tables or fused or special_tokens != "average"):
            raise click.UsageError(
                "--suggested recipes are as they are: no --table, --fused or"
                " --special-tokens"
            )
        from lm_eval_iberian import paper_recipes

        catalogue = paper_recipes.load_catalogue()
        with _writing():
            merges = (
                paper_recipes.suggested(catalogue)
                if suggested
                else paper_recipes.published(
                    catalogue, tables, fused=fused, special_tokens=special_tokens
                )
            )
            _write_all(merges, folder, force, check)
    elif tables or suggested:
        option = "--table" if tables else "--suggested"
        raise click.UsageError(f"{option} says which merges --all DIR writes")
    elif not (method and (languages or experts)) or not (backbone or instruct):
        raise click.UsageError(
            "give --backbone, --method and --lang; or --method, --base, --instruct and"
            " --expert LANG=ID for models of your own; or --list"
        )
    else:
        from lm_eval_iberian.paper_recipes import Request

        others, settings = _experts(experts), _settings(values)
        request = Request(
            backbone, method, languages or tuple(others), fused, base, instruct,
            others, settings, dtype, special_tokens,
        )  # fmt: skip
        with _writing():
            _write_one(request, out, force, check)


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except IberianError:
        raise
    except OSError as error:
        where = error.filename2 or error.filename
        raise click.ClickException(f"{where}: {error.strerror}") from error


def _settings(values: dict[str, tuple[str, ...]]) -> tuple[ParameterSetting, ...]:
    from lm_eval_iberian.paper_recipes import load_catalogue, read_setting

    known = load_catalogue().parameters
    return tuple(
        read_setting(known[name], text)
        for name in _VALUES
        for text in values[f"value_{name}"]
    )


def _experts(texts: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts:
        lang, _, model = text.partition("=")
        if not (lang and model):
            raise click.UsageError(f"--expert takes LANG=ID, found {text!r}")
        if lang in found:
            raise click.UsageError(f"--expert {lang}=… is given twice")
        found[lang] = model
    return found


def _write_one(request: Request, out: Path | None, force: bool, check: bool) -> None:
    from lm_eval_iberian.files import write_whole
    from lm_eval_iberian.paper_recipes import (
        check_text,
        load_catalogue,
        published,
        recipe_text,
        refuse_other,
        suggested,
        turn_sentences,
    )

    catalogue = load_catalogue()
    plain = replace(request, fused=False, special_tokens="average")
    tables = next((p.tables for p in published(catalogue) if p.request == plain), ())
    why = (p.suggested for p in suggested(catalogue) if p.request == request)
    text = recipe_text(request, catalogue, tables, next(why, ""))
    if check:
        check_text(text)
        for sentence in turn_sentences(text):
            click.echo(shown(sentence), err=True)
    if out is None:
        click.echo(text, nl=False)
        return
    if not force:
        refuse_other(out, text)
    write_whole(out, text)


def _write_all(merges: list[Published], folder: Path, force: bool, check: bool) -> None:
    from lm_eval_iberian.paper_recipes import check_text, load_catalogue, write_all

    paths = write_all(merges, load_catalogue(), folder, force)
    for path in paths if check else ():
        check_text(path.read_text("utf-8"))
    click.echo(f"{len(paths)} recipes below {shown(folder)}")


def _list() -> None:
    from lm_eval_iberian.paper_recipes.listing import listings

    screen = console()
    for index, table in enumerate(listings()):
        if index:
            screen.print()
        screen.print(table)
