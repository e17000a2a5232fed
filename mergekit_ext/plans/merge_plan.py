"""What mergekit is about to hand to a method, told by its own planner.

The names are those of mergekit's architecture, with which it matches filters and which
our methods see. A file may have others: the experts of a mixture lie in it one by one,
and are handed over as one tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from mergekit_ext.compat import attribute, part
from mergekit_ext.errors import MergeError, RecipeError
from mergekit_ext.inputs.checkpoints import Checkpoint
from mergekit_ext.inputs.input_models import InputModel
from mergekit_ext.recipes.recipe_reader import read_recipe


@dataclass(frozen=True)
class PlannedTensor:
    """A tensor of the result.

    Args:
        name: Its name.
        asked: Model to the name by which mergekit asks it for its part.
        lacking: The models that have nothing under that name.
        shared: The values of the parameters that hold for all models.
        each: Model to its own values.
        vocabulary_axis: Along which its rows are moved to one vocabulary, if they are.
        moved_by: All but tokenizers and tensors that such a move depends on.
    """

    name: str
    asked: Mapping[str, str]
    lacking: frozenset[str] = frozenset()
    shared: Mapping[str, Any] = field(default_factory=dict)
    each: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    vocabulary_axis: int | None = None
    moved_by: Hashable = None


@dataclass(frozen=True)
class MergePlan:
    """A merge as mergekit will do it.

    Args:
        tensors: What the result is made of.
        ignored: Model to the tensors in its files that nothing asks for.
        unties: Whether the result has a head of its own, while the configuration that
            it gets has the input embeddings for one.
    """

    tensors: tuple[PlannedTensor, ...]
    ignored: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unties: bool = False


def plan_merge(
    config: Any,
    options: Any,
    inputs: Sequence[InputModel],
    check: Callable[[Sequence[str]], None],
) -> MergePlan:
    """Let mergekit plan a merge, of which the headers alone are read.

    Args:
        config: The ``MergeConfiguration`` that it will be given; it is not changed.
        options: Its ``MergeOptions``.
        inputs: The models, as many as the recipe has.
        check: Given the names of all tensors before parameters are looked up.

    Raises:
        RecipeError: In mergekit's words, if it cannot.
    """
    models = [model.name for model in read_recipe(config).models]
    found = dict(zip(models, inputs, strict=True))
    merge = part("merge")
    try:
        info = attribute(merge, "get_architecture_info")(config, options)
        config_out = attribute(merge, "_model_out_config")(
            config, info, trust_remote_code=options.trust_remote_code
        )
        weights = info.all_weights(config=config_out)
        files = {name for one in inputs for name in one.checkpoint.tensors}
        check([w.name for w in weights if not w.optional or w.name in files])
        with _headers_loaded(config, found):
            planner = attribute(part("plan"), "MergePlanner")(
                config.model_copy(deep=True), info, options, config_out
            )
            planned = [task.tensor_task for task in planner.plan_to_disk("")[:-1]
                       if hasattr(task, "tensor_task")]  # fmt: skip
    except MergeError:
        raise
    except Exception as error:  # whatever mergekit and transformers raise
        text = " ".join(str(error).split()) or type(error).__name__
        raise RecipeError(f"mergekit cannot plan this merge: {text}") from error
    return _plan(planned, found, config_out)


@contextmanager
def _headers_loaded(config: Any, found: Mapping[str, InputModel]) -> Iterator[None]:
    """Give mergekit the names in our headers, so that it opens and merges nothing.

    Its cache is one object in each thread, all of which have the loaders of the class:
    for the time of the body, this thread's has its own. So plans may be made one within
    another, and while other threads plan and merge.
    """
    cache = vars(attribute(part("io.tasks"), "LoaderCache")())
    before = dict(cache)
    cache["loaders"] = {
        reference: SimpleNamespace(
            index=SimpleNamespace(tensor_paths=found[str(reference)].checkpoint.tensors)
        )
        for reference in config.referenced_models()
    }
    try:
        yield
    finally:
        cache.clear()
        cache.update(before)


def _plan(
    planned: Sequence[Any], found: Mapping[str, InputModel], config_out: Any
) -> MergePlan:
    layouts = _layouts(found)
    own = {reference: one.model.name for reference, one in found.items()}
    tensors, heads = [], False
    for task in planned:
        weights = {
            str(model): weight
            for model, weight in _gathered(task.gather_tensors).weight_info.items()
        }
        have = {model: layouts[model].has(w) for model, w in weights.items()}
        heads = heads or any(
            weight.tied_names and weight.name in found[model].checkpoint.tensors
            and not _is_tied(found[model].checkpoint)
            for model, weight in weights.items()
        )  # fmt: skip
        tensors.append(
            PlannedTensor(
                task.output_weight.name,
                {own[model]: weight.name for model, weight in weights.items()},
                frozenset(own[model] for model, it_has in have.items() if not it_has),
                dict(task.parameters.items()),
                {
                    own[str(m)]: dict(v.items())
                    for m, v in task.input_parameters.items()
                },
                _aligned_axis(task.gather_tensors),
                _moved_by(task.gather_tensors),
            )
        )
    ignored = {own[model]: layouts[model].ignored() for model in found}
    tied = bool(getattr(config_out, "tie_word_embeddings", False))
    return MergePlan(tuple(tensors), ignored, heads and tied)


def _aligned_axis(task: Any) -> int | None:
    """Return the axis of what a task aligns; ``None`` if it aligns nothing."""
    return task.vocabulary_axis if hasattr(task, "tokenizer_task") else None


def _moved_by(task: Any) -> Hashable:
    """Return what asks for the rows of a tensor; ``None`` if none are moved."""
    if _aligned_axis(task) is None:
        return None
    return (
        task.tokenizer_task,
        frozenset((task.tokens or {}).items()),
        task.pad_to_multiple_of,
        task.base_model,
        task.vocabulary_axis,
    )


def _gathered(task: Any) -> Any:
    """Return the task that reads tensors, beneath one that fits their vocabularies."""
    while not isinstance(task, attribute(part("io.tasks"), "GatherTensors")):
        task = attribute(task, "gather_tensors")
    return task


def _is_tied(checkpoint: Checkpoint) -> bool:
    """Whether a model's head is its input embeddings, by its class if need be."""
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(checkpoint.folder)
    except Exception:  # a class that only remote code has
        return bool(checkpoint.text_config.get("tie_word_embeddings"))
    return bool(getattr(config, "tie_word_embeddings", False))


class _Layout:
    """The names in a model's files, and what mergekit makes of them."""

    def __init__(self, kind: str | None, names: frozenset[str]) -> None:
        self._kind, self._names = kind, names
        self._known: dict[str, bool] = {}
        self._used: set[str] = set()
        self._made: set[str] = set()

    def has(self, weight: Any) -> bool:
        """Whether the files have a tensor under a name, an alias, or in parts."""
        if weight.name not in self._known:
            self._known[weight.name] = self._find(weight)
        return self._known[weight.name]

    def _find(self, weight: Any) -> bool:
        own = (weight.name, *(weight.aliases or ()))
        for name in (*own, *(weight.tied_names or ())):
            if name in self._names:
                self._used.add(name)
                return True
        can = attribute(part("architecture.conversion"), "can_convert_checkpoint_keys")
        for name in own:
            if can(self._kind, set(self._names), name):
                self._made.add(name)
                return True
        return False

    def ignored(self) -> tuple[str, ...]:
        """Return the names in the files that nothing has asked for."""
        rest = set(self._names - self._used)
        if self._made:
            conversion = part("architecture.conversion")
            rules = attribute(conversion, "get_checkpoint_conversion_mapping")(
                self._kind
            )
            targets = attribute(conversion, "_expanded_target_keys")
            rest = {name for name in rest if not self._enters(name, rules, targets)}
        return tuple(sorted(rest))

    def _enters(self, name: str, rules: Sequence[Any], targets: Any) -> bool:
        names = {name}
        for rule in rules or ():
            for one in tuple(names):
                renamed, pattern = rule.rename_source_key(one)
                if pattern is not None:
                    names |= targets(renamed, rule.target_patterns)
        return not names.isdisjoint(self._made)


def _layouts(found: Mapping[str, InputModel]) -> dict[str, _Layout]:
    """Return each model's layout; models with the same names share one."""
    shared: dict[tuple[Any, frozenset[str]], _Layout] = {}
    layouts = {}
    for model, one in found.items():
        kind = one.checkpoint.config.get("model_type")
        key = kind, frozenset(one.checkpoint.tensors)
        layouts[model] = shared.setdefault(key, _Layout(*key))
    return layouts
