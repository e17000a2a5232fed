"""A model's chat template, in whichever of its files it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mergekit_ext.errors import InputError
from mergekit_ext.inputs.checkpoints import read_json


TEMPLATE = "chat_template.jinja"
OLD_TEMPLATE = "chat_template.json"
MORE_TEMPLATES = "additional_chat_templates"


@dataclass(frozen=True)
class ChatTemplate:
    """A chat template as a folder holds it.

    Args:
        entry: ``chat_template`` of ``tokenizer_config.json``, as it is.
        files: Name of a file to the template in it.
    """

    entry: Any = None
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def named(self) -> dict[str, str]:
        """Name to template, as transformers reads them: files go before the entry."""
        found = {}
        for name, text in self.files.items():
            if name == TEMPLATE:
                found["default"] = text
            elif name.startswith(f"{MORE_TEMPLATES}/"):
                found[Path(name).stem] = text
        found = found or _entries(self.entry)
        if not found and OLD_TEMPLATE in self.files:
            found["default"] = self.files[OLD_TEMPLATE]
        return found

    @property
    def text(self) -> str:
        """The template of a conversation; of several, the default one or the first."""
        named = self.named
        return named.get("default") or next(iter(named.values()), "")


def read_chat_template(
    model: str, folder: Path, entry: Any, faults: list[str]
) -> ChatTemplate | None:
    """Return the chat template of a model, ``None`` if it has none.

    Args:
        model: How it is called in what is told.
        folder: Where it is.
        entry: ``chat_template`` of its ``tokenizer_config.json``.
        faults: Receives a sentence for each file that is broken.
    """
    more = sorted((folder / MORE_TEMPLATES).glob("*.jinja"))
    files = {}
    for path in (folder / TEMPLATE, *more):
        if not path.is_file():
            continue
        try:
            files[path.relative_to(folder).as_posix()] = path.read_text("utf-8")
        except (OSError, ValueError) as error:
            faults.append(f"Model {model!r}: {path} cannot be read: {error}.")
    old = folder / OLD_TEMPLATE
    if old.is_file():
        try:
            files[OLD_TEMPLATE] = str(read_json(model, old)["chat_template"])
        except (InputError, KeyError) as error:
            faults.append(f"Model {model!r}: {old} holds no chat template: {error}.")
    found = ChatTemplate(entry, files)
    return found if found.text else None


def _entries(entry: Any) -> dict[str, str]:
    """Return the templates of ``tokenizer_config.json``: one, or several with names."""
    if isinstance(entry, str):
        return {"default": entry}
    if isinstance(entry, list):
        entry = {
            one.get("name"): one.get("template")
            for one in entry
            if isinstance(one, Mapping)
        }
    if not isinstance(entry, Mapping):
        return {}
    return {
        name: text
        for name, text in entry.items()
        if isinstance(name, str) and isinstance(text, str)
    }
