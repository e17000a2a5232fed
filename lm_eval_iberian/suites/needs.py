"""Which datasets tasks need, each once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from lm_eval_iberian.errors import IberianError
from lm_eval_iberian.harness.leaves import Leaf


# of the arguments for load_dataset: what does not decide on which files are needed
_NOT_OURS = {
    "trust_remote_code",
    "download_mode",
    "split",
    "keep_in_memory",
    "num_proc",
}


@dataclass(frozen=True)
class Need:
    """One dataset, and how a task asks for it.

    Attributes:
        kind: ``hub``: ``load_dataset`` gets it; ``loader``: the task's function does.
        dataset: The hub's id, or the loader's folder, file and name.
        config: The hub's configuration, or what the loader is called with.
        arguments: JSON of everything else that decides what is loaded.
        leaf: One task that needs it.
    """

    kind: Literal["hub", "loader"]
    dataset: str
    config: str
    arguments: str
    leaf: Leaf = field(compare=False, repr=False)

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from all others, in a lock as well."""
        return (self.dataset, self.config, self.arguments)

    @property
    def options(self) -> dict[str, Any]:
        """The arguments, read."""
        found: dict[str, Any] = json.loads(self.arguments)
        return found

    @property
    def lane(self) -> str:
        """Needs of one lane share files: they are fetched one after the other."""
        return f"{self.kind} {self.dataset}"


def need_of(leaf: Leaf) -> Need:
    """Return what a task needs."""
    config = leaf.config
    options = dict(config.get("dataset_kwargs") or {})
    loader = config.get("custom_dataset") or config.get("class")
    if loader or not config.get("dataset_path"):
        return _loader_need(leaf, str(loader or "unknown"), options)
    options = {key: value for key, value in options.items() if key not in _NOT_OURS}
    name = config.get("dataset_name")
    return Need(
        "hub",
        str(config["dataset_path"]),
        "" if name is None else str(name),
        _canonical(options),
        leaf,
    )


def needs(leaves: Iterable[Leaf]) -> list[Need]:
    """Return what the tasks need, each dataset once."""
    return list(dict.fromkeys(need_of(leaf) for leaf in leaves))


def sources(need: Need) -> list[Need]:
    """Return the datasets of the hub that a loader of ours takes its rows from."""
    from lm_eval_iberian.tasks.benchmark_catalogue import benchmark

    options = need.options
    family, lang = options.get("dataset"), options.get("lang")
    if (
        need.kind != "loader"
        or not family
        or not lang
        or options.get("which") == "mini"
    ):
        return []
    try:
        wanted = benchmark(str(family), str(lang))
    except IberianError:  # another loader with arguments of the same names
        return []
    arguments = _canonical({"revision": wanted.revision})
    return [
        Need("hub", wanted.path, name or "", arguments, need.leaf)
        for name in wanted.names
    ]


def _loader_need(leaf: Leaf, loader: str, options: dict[str, Any]) -> Need:
    path = Path(loader)
    label = f"{path.parent.name}/{path.name}" if path.parent.name else path.name
    if not options:  # nothing else tells the calls of two tasks apart
        options = {"task": leaf.name}
    config = ", ".join(f"{key}={value}" for key, value in sorted(options.items()))
    return Need("loader", label, config, _canonical(options), leaf)


def _canonical(options: Mapping[str, Any]) -> str:
    if options.get("revision") == "main":
        options = {key: value for key, value in options.items() if key != "revision"}
    return json.dumps(options, sort_keys=True, ensure_ascii=False, default=str)
