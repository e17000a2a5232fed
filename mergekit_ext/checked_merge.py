"""mergekit's own merge, in our guard: what both commands share."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from mergekit_ext.compat import attribute, known_keys, part
from mergekit_ext.errors import RecipeError, unknown_name
from mergekit_ext.guard import Merge, Permissions, guarded_merge
from mergekit_ext.inputs.input_models import InputModel
from mergekit_ext.inputs.local_folders import restore_names, with_absolute_folders
from mergekit_ext.inputs.pickled_weights import LAZILY, is_pickled, opened_in_turn
from mergekit_ext.inputs.tokenizer_source import Donor, find_tokenizer
from mergekit_ext.methods.parameters import Parameter
from mergekit_ext.outputs.file_exchange import Workshop
from mergekit_ext.outputs.former_merge import CONFIG, PARTIAL
from mergekit_ext.recipes.layer_swap_recipe import for_mergekit
from mergekit_ext.recipes.merge_plan import MergePlan, plan_merge
from mergekit_ext.recipes.recipe import Recipe
from mergekit_ext.recipes.recipe_checks import check_coverage
from mergekit_ext.recipes.recipe_file import check_keys
from mergekit_ext.recipes.recipe_reader import in_recipe_order, plain, read_recipe
from mergekit_ext.watch import Watch


Record = Callable[[Path, Sequence[InputModel], Mapping[Path, str]], None]


def parameters_of(method: str) -> Sequence[Parameter] | None:
    """Return what one of our methods lets a recipe set, ``None`` for one of others.

    Raises:
        RecipeError: If there is no such method.
    """
    part("merge_methods")  # before what registers with it
    from mergekit_ext.register import method_names, our_parameters, register_all

    register_all()
    if method not in (known := method_names()):
        raise RecipeError(unknown_name("merge method", method, known))
    return our_parameters(method)


@dataclass(frozen=True)
class CheckedMerge:
    """A merge as mergekit was asked for it, ready to be checked and run.

    Args:
        original: mergekit's ``run_merge``.
        config: Its ``MergeConfiguration``.
        options: Its ``MergeOptions``.
        source: The recipe's text, where it came from a file.
        parameters: What its method lets a recipe set; ``None`` for one of others.
        watch: Told how it goes.
        record: Writes down what the merge was made of; see ``Merge``.
        donated: Told of a model that gives its tokenizer and no weights.
    """

    original: Callable[..., None]
    config: Any
    options: Any
    source: str | None = None
    parameters: Sequence[Parameter] | None = None
    watch: Watch = field(default_factory=Watch)
    record: Record | None = None
    donated: Callable[[Donor], None] | None = None
    _unties: list[bool] = field(default_factory=list)

    def run(self, out: str) -> None:
        """Check everything, merge, and put the result at ``out`` when it is whole.

        Raises:
            MergeError: If anything stands in the way; ``out`` is then as it was.
        """
        if self.source is not None:
            names = [parameter.name for parameter in self.parameters or ()]
            check_keys(yaml.safe_load(self.source), known_keys(), names)
        allowed = Permissions(
            any_architecture=self.options.allow_crimes,
            any_vocabulary=self.options.unsafe_truncate_embeddings,
            copy_tokenizer=self.options.copy_tokenizer,
            safetensors=self.options.safe_serialization,
            card=self.options.write_model_card,
            cache_dir=self.options.transformers_cache,
            # what is here can be planned and checked; mergekit would fetch it anyway
            fetch=True,
        )
        recipe = read_recipe(self.config)
        donor = find_tokenizer(
            recipe, allowed.cache_dir, copied=self.options.copy_tokenizer
        )
        if donor is not None and self.donated is not None:
            self.donated(donor)
        guarded_merge(
            Merge(
                recipe,
                out,
                lambda workshop, inputs: self._write(workshop, inputs, donor),
                lambda inputs: self._plan(inputs, donor, recipe),
                self.parameters,
                allowed,
                self.watch,
                self.record,
            )
        )

    def _plan(
        self, inputs: Sequence[InputModel], donor: Donor | None, recipe: Recipe
    ) -> MergePlan:
        def check(names: Sequence[str]) -> None:
            if self.parameters is not None:
                check_coverage(recipe, self.parameters, names)

        local = self._local({}, inputs, donor)
        if self.parameters is not None:
            local = for_mergekit(local, [one.checkpoint for one in inputs])
        local = in_recipe_order(local)
        plan = plan_merge(local, self._options(inputs), inputs, check)
        self._unties.append(plan.unties)
        return plan

    def _local(
        self,
        renamed: dict[str, str],
        inputs: Sequence[InputModel],
        donor: Donor | None,
        *,
        hub: bool = True,
    ) -> Any:
        """Return the configuration with the folders that were found and checked."""
        found: dict[tuple[str, str | None], Path] = {}
        for one in inputs if hub else ():
            found[one.model.path, one.model.revision] = one.checkpoint.folder
            if one.adapter is not None and one.model.adapter is not None:
                found[one.model.adapter, None] = one.adapter.folder
        if donor is not None and hub:
            found[donor.model.path, donor.model.revision] = donor.folder
        paths = attribute(part("common"), "ModelPath")
        return with_absolute_folders(self.config, paths, renamed, found)

    def _options(self, inputs: Sequence[InputModel]) -> Any:
        """Return the options; pickled weights are read one tensor at a time."""
        headers = [h for one in inputs for h in one.checkpoint.tensors.values()]
        pickled = [header for header in headers if is_pickled(header.file)]
        # of a single number mergekit's lazy reader makes nothing
        lazy = bool(pickled) and all(header.shape for header in pickled)
        if not lazy:
            return self.options
        return self.options.model_copy(update={"lazy_unpickle": LAZILY})

    def _write(
        self, workshop: Workshop, inputs: Sequence[InputModel], donor: Donor | None
    ) -> None:
        renamed: dict[str, str] = {}
        local = self._local(renamed, inputs, donor)
        # a copy with an adapter in it is made anew: a killed run leaves half of one
        cache = self.options.lora_merge_cache or str(workshop.adapters)
        options = self._options(inputs).model_copy(update={"lora_merge_cache": cache})
        source = self.source or yaml.safe_dump(plain(self.config), sort_keys=False)
        if self.parameters is not None:
            local = for_mergekit(local, [one.checkpoint for one in inputs])
        local = in_recipe_order(local)
        with opened_in_turn() if options.lazy_unpickle else nullcontext():
            self.original(local, str(workshop.result), options, source)
        card = workshop.result / "README.md"
        local_ones = all(Path(one.model.path).is_dir() for one in inputs)
        if card.is_file() and not local_ones:
            # links to the hub, where models are from there
            shown = in_recipe_order(self._local(renamed, inputs, donor, hub=False))
            text = attribute(part("card"), "generate_card")(
                config=shown, config_yaml=source, name=workshop.result.name
            )
            card.write_text(text, encoding="utf-8")
        restore_names(card, renamed)
        if any(self._unties):
            _untie(workshop.result)


def _untie(result: Path) -> None:
    for name in (PARTIAL, CONFIG):
        if (path := result / name).is_file():
            content = json.loads(path.read_text(encoding="utf-8"))
            text = json.dumps(content | {"tie_word_embeddings": False}, indent=2)
            path.write_text(text + "\n", encoding="utf-8")
