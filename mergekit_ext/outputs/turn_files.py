"""Write into a model's folder what it has borrowed of another's turns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from mergekit_ext.errors import InputError
from mergekit_ext.inputs.borrowed_ends import Borrowed
from mergekit_ext.inputs.chat_template import (
    MORE_TEMPLATES,
    OLD_TEMPLATE,
    TEMPLATE,
    ChatTemplate,
)
from mergekit_ext.inputs.checkpoints import read_json
from mergekit_ext.inputs.turn_ends import CONFIG, GENERATION, TOKENIZER, TurnEnds


def turn_files(borrowed: Borrowed, own: TurnEnds) -> dict[str, str]:
    """Return the files that change: name to what is to be in them.

    Args:
        borrowed: What changes.
        own: The model as it is.
    """
    files = {}
    if borrowed.config:
        files[CONFIG] = _json(_configured(own.config, borrowed.config))
    if borrowed.generation is not None:
        files[GENERATION] = _json(borrowed.generation)
    if borrowed.template is not None:
        files |= _template_files(borrowed.template, borrowed.named, own.folder)
    return files


def shown_changes(borrowed: Borrowed, own: TurnEnds) -> Iterator[str]:
    """Yield what changes, a line for each setting and file."""
    for key, value in borrowed.config.items():
        yield f"{CONFIG}: {key} {_shown(own.config.get(key))} → {_shown(value)}"
    if borrowed.generation is not None:
        before = own.generation or {}
        keys = [*before, *(key for key in borrowed.generation if key not in before)]
        for key in keys:
            was, now = before.get(key), borrowed.generation.get(key)
            if was != now:
                yield f"{GENERATION}: {key} {_shown(was)} → {_shown(now)}"
    if borrowed.template is not None:
        for key, token in borrowed.named.items():
            was = _shown(own.named.get(key))
            yield f"{TOKENIZER}: {key} {was} → {_shown(token)}"
        for name in _template_files(borrowed.template, {}, own.folder):
            there = (own.folder / name).is_file()
            yield f"{name}: {'another' if there else 'new'}"


def write_turn_files(folder: Path, files: Mapping[str, str], config_name: str) -> None:
    """Write files that ``turn_files`` has made.

    Args:
        folder: Where.
        files: Name to content.
        config_name: What ``config.json`` is called there as yet.
    """
    for name, text in files.items():
        path = folder / (config_name if name == CONFIG else name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _configured(
    config: Mapping[str, Any], changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a configuration with changes, in the nested one of its text as well."""
    changed = _changed(config, changes)
    nested = config.get("text_config")
    if isinstance(nested, Mapping):
        inner = {key: value for key, value in changes.items() if key in nested}
        changed["text_config"] = _changed(nested, inner)
    return changed


def _changed(content: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: value
        for key, value in {**content, **changes}.items()
        if value is not None or key not in changes
    }


def _template_files(
    template: ChatTemplate, named: Mapping[str, str], folder: Path
) -> dict[str, str]:
    """Return a template as files, and the entry for it as its model has one."""
    files = {}
    for name, text in template.named.items():
        # the name of one in tokenizer_config.json may be anything
        if name == "default" or text == template.text:
            files[TEMPLATE] = template.text
        elif name.replace("-", "_").isidentifier():
            files[f"{MORE_TEMPLATES}/{name}.jinja"] = text
    if (folder / OLD_TEMPLATE).is_file():
        files[OLD_TEMPLATE] = _json({"chat_template": template.text})
    with suppress(InputError):  # none, or a broken one, of which has been told
        content = read_json("", folder / TOKENIZER)
        if named or content.get("chat_template") != template.entry:
            changed = _changed(content, {"chat_template": template.entry, **named})
            files[TOKENIZER] = _json(changed)
    return files


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _shown(value: Any) -> str:
    return "none" if value is None else json.dumps(value, ensure_ascii=False)
