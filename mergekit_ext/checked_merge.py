"""mergekit's own merge, in our guard: what both commands share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from mergekit_ext.compat import attribute, known_keys, part
from mergekit_ext.errors import RecipeError, unknown_name
from mergekit_ext.guard import Merge, Permissions, guarded_merge
from mergekit_ext.inputs.input_models import InputModel
from mergekit_ext.inputs.local_folders import restore_names, with_absolute_folders
from mergekit_ext.methods.layer_swap import LAYER_SWAP
from mergekit_ext.methods.parameters import Parameter
from mergekit_ext.outputs.file_exchange import Workshop
from mergekit_ext.recipes.layer_swap_recipe import for_mergekit
from mergekit_ext.recipes.model_order import in_recipe_order
from mergekit_ext.recipes.recipe_keys import check_keys
from mergekit_ext.recipes.recipe_reader import read_recipe
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
        fetch: Whether models on the hub are fetched first, so as to be checked.
    """

    original: Callable[..., None]
    config: Any
    options: Any
    source: str | None = None
    parameters: Sequence[Parameter] | None = None
    watch: Watch = field(default_factory=Watch)
    record: Record | None = None
    fetch: bool = False

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
            fetch=self.fetch or self._reads_models,
        )
        recipe = read_recipe(self.config)
        guarded_merge(
            Merge(
                recipe,
                out,
                self._write,
                self.parameters,
                allowed,
                self.watch,
                self.record,
            )
        )

    @property
    def _reads_models(self) -> bool:
        """Whether the recipe says nothing to mergekit before its models are read."""
        ours = self.parameters is not None
        return ours and self.config.merge_method == LAYER_SWAP.name

    def _write(self, workshop: Workshop, inputs: Sequence[InputModel]) -> None:
        renamed: dict[str, str] = {}
        paths = attribute(part("common"), "ModelPath")
        local = with_absolute_folders(self.config, paths, renamed)
        # a copy with an adapter in it is made anew: a killed run leaves half of one
        cache = self.options.lora_merge_cache or str(workshop.adapters)
        options = self.options.model_copy(update={"lora_merge_cache": cache})
        source = self.source or self.config.to_yaml()
        if self.parameters is not None:
            local = for_mergekit(local, [one.checkpoint for one in inputs])
        local = in_recipe_order(local)
        self.original(local, str(workshop.result), options, source)
        restore_names(workshop.result / "README.md", renamed)
