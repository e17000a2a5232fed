"""What is done with a recipe file: it is merged, by any method, or only validated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import yaml
from pydantic import ValidationError

from mergekit_ext.attach import check_device, unguarded_run_merge
from mergekit_ext.checked_merge import CheckedMerge, parameters_of
from mergekit_ext.compat import attribute, lent, part
from mergekit_ext.errors import InputError, MergeError, RecipeError, word_stop
from mergekit_ext.inputs.input_models import InputModel
from mergekit_ext.inputs.tokenizer_source import Donor
from mergekit_ext.merge_result import merge_to_folder
from mergekit_ext.methods.parameters import Parameter
from mergekit_ext.outputs.provenance import Origin, write_provenance
from mergekit_ext.plans.chat_rows import asked_rows, with_chat_rows
from mergekit_ext.plans.turn_plan import read_turns
from mergekit_ext.recipes.recipe_checks import check_coverage, check_recipe
from mergekit_ext.recipes.recipe_file import parse_recipe, read_text
from mergekit_ext.recipes.recipe_reader import plain, read_recipe
from mergekit_ext.watch import Watch, reported


def merge_file(
    path: str,
    out: str,
    options: Mapping[str, Any],
    watch: Watch,
    threads: int | None = None,
) -> None:
    """Check every input, merge, and put the result at ``out`` with its provenance.

    Merges may run one within another, and in several threads at the same time, each to
    an output of its own; ``threads`` holds for all of them.

    Args:
        path: The recipe file.
        out: The folder that the result is to be.
        options: Name to value of mergekit's ``MergeOptions``.
        watch: Told how it goes.
        threads: How many threads torch computes with; ``None`` leaves that to it.

    Raises:
        MergeError: If anything stands in the way; ``out`` is then as it was.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    source = read_text(path)
    merge = open_merge(source, path, options, watch, fetch=True)
    config, chosen = merge.config, merge.options
    origin = Origin(
        recipe=source,
        parsed=plain(config),
        method=config.merge_method,
        seeds={
            "method": _seed(config, merge.parameters),
            "global": chosen.random_seed,
        },
        device=chosen.device,
    )

    donors: list[Donor] = []

    def record(
        result: Path,
        inputs: Sequence[InputModel],
        digests: Mapping[Path, str],
        turns: Mapping[str, Any],
    ) -> None:
        write_provenance(result, origin, inputs, digests, watch, donors, turns)

    merge_to_folder(replace(merge, record=record, donated=donors.append), out)


def open_merge(
    source: str,
    path: str,
    options: Mapping[str, Any],
    watch: Watch,
    *,
    fetch: bool,
    change: Callable[[Any], Any] = lambda config: config,
) -> CheckedMerge:
    """Return a merge that is ready to be checked and run.

    Args:
        source: The recipe file's text.
        path: Where it was, for messages.
        options: Name to value of mergekit's ``MergeOptions``.
        watch: Told how it goes.
        fetch: Whether tokenizers of models that are not here may be fetched.
        change: Given the ``MergeConfiguration``, returns the one to merge by.

    Raises:
        MergeError: If the recipe cannot be read, or the device cannot be used.
    """
    config = change(parse_recipe(source, _configuration().model_validate, path))
    parameters = parameters_of(config.merge_method)
    chosen = attribute(part("options"), "MergeOptions")(**options, quiet=True)
    check_device(chosen.device)
    config = with_chat_rows(config, source, chosen.transformers_cache, fetch=fetch)
    run = _in_words(unguarded_run_merge(), watch)
    return CheckedMerge(run, config, chosen, source, parameters, watch)


def check_file(
    path: str, out: str | None, options: Mapping[str, Any], watch: Watch
) -> None:
    """Check all of a merge that needs no weights; nothing is written or fetched.

    Args:
        path: The recipe file.
        out: The folder that the result is to be, if that is known.
        options: Name to value of mergekit's ``MergeOptions``.
        watch: Told which models are not here, and how the result ends its turns.

    Raises:
        MergeError: If anything stands in the way.
    """
    source = read_text(path)
    open_merge(source, path, options, watch, fetch=False).check(out)


def validate_recipe(text: str) -> None:
    """Check a recipe as far as can be done without its models.

    Args:
        text: YAML.

    Raises:
        RecipeError: If mergekit's configuration does not take it, there is no such
            method, or it is one of ours and a parameter is not what it must be.
    """
    try:
        config = _configuration().model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise RecipeError(f"This is not YAML: {error}") from error
    except (ValidationError, RuntimeError) as error:  # as mergekit's own validators do
        raise RecipeError(str(error)) from error
    asked_rows(text)
    if (parameters := parameters_of(config.merge_method)) is None:
        return
    recipe = read_recipe(config)
    check_recipe(recipe, parameters)
    check_coverage(recipe, parameters, [""])


def recipe_turns(text: str) -> tuple[str, ...]:
    """Say how the turns of a recipe's result will end, where its models are here.

    Args:
        text: A recipe that ``validate_recipe`` takes.

    Returns:
        Sentences; none where a model is not here.
    """
    recipe = read_recipe(_configuration().model_validate(yaml.safe_load(text)))
    try:
        turns = read_turns(recipe)
    except InputError:
        return ()
    return () if turns is None else turns.told


def _configuration() -> Any:
    return attribute(part("config"), "MergeConfiguration")


def _in_words(run: Any, watch: Watch) -> Any:
    """Let mergekit report to ``watch``, and end with a sentence where it fails."""
    modules = [part(name) for name in ("graph", "merge", "tokenizer.build")]
    cache = attribute(part("io.tasks"), "LoaderCache")

    def run_merge(*args: Any) -> None:
        mine = vars(cache())  # this thread's options, of a merge around this one
        before = dict(mine)
        try:
            # it keeps the files of every model open: of the last merge to end, none
            with lent(cache, "loaders", lambda _: {}), reported(modules, watch):
                run(*args)
        except MergeError:
            raise
        except Exception as error:
            raise MergeError(word_stop("mergekit", error)) from error
        finally:
            mine.clear()
            mine.update(before)

    return run_merge


def _seed(config: Any, parameters: Sequence[Parameter] | None) -> int | None:
    """Return the seed of the method's own masks, if it draws any."""
    for parameter in parameters or ():
        if parameter.name == "seed":
            given = (config.parameters or {}).get("seed", parameter.default)
            return int(given) if isinstance(given, (int, float)) else None
    return None
