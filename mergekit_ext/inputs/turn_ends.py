"""What a model folder says of how a turn ends, read without torch and weights.

Three files name end tokens, and each is somebody's only source: ``config.json`` by id,
``generation_config.json`` by id, the tokenizer by text. The chat template writes them.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from mergekit_ext.errors import InputError
from mergekit_ext.inputs.chat_template import ChatTemplate, read_chat_template
from mergekit_ext.inputs.checkpoints import (
    WITHOUT_WEIGHTS,
    fetch_model,
    locate,
    read_json,
)
from mergekit_ext.inputs.tokenizer_checks import has_tokenizer, token_ids
from mergekit_ext.recipes.recipe import Model


CONFIG = "config.json"
GENERATION = "generation_config.json"
TOKENIZER = "tokenizer_config.json"
# the names of one key in the configurations and in the tokenizer
EOS, BOS, PAD = "eos_token_id", "bos_token_id", "pad_token_id"

# what ends a turn in the common templates; a header or a tool call ends otherwise
_TURN_ENDS = (
    "<|eot_id|>", "<|eom_id|>", "<|eot|>", "<|eom|>", "<|im_end|>", "<end_of_turn>",
    "<turn|>", "<|end|>", "<|return|>", "<|call|>", "<|endoftext|>", "<|end_of_text|>",
    "<|end_of_turn|>", "<|END_OF_TURN_TOKEN|>", "[|endofturn|]", "<|endofturn|>",
    "<end_of_utterance>", "<|eos|>", "<eos>", "</s>",
)  # fmt: skip
# what lists tokens; to read it takes up to a second, and each merge of a sweep asks
_LISTS = ("tokenizer.json", TOKENIZER, "vocab.json", "added_tokens.json")
_MOST_KNOWN, _SETTLED = 32, 2e9
Tokens = tuple[dict[str, int], dict[str, int]]
_KNOWN: dict[tuple[object, ...], Tokens] = {}
# the variables of a template that stand for the tokenizer's own
_VARIABLE = re.compile(r"\b(?:eos|bos|pad)_token\b")


@dataclass(frozen=True)
class TurnEnds:
    """What a model ends its turns on, as each of its files has it.

    Args:
        model: Its name.
        folder: Where it is.
        config: ``config.json``; empty where there is none.
        generation: ``generation_config.json``; ``None`` where there is none.
        ids: Token to id, of all tokens that the tokenizer's JSON files list.
        added: Those of them that are added or special.
        named: ``"eos_token"`` and the like to the token that the tokenizer has for it.
        has_tokenizer: Whether there is a tokenizer, of whatever kind.
        lists_all: Whether ``ids`` has all its tokens, as of a ``tokenizer.json``.
        template: The chat template, if there is one.
        broken_settings: Whether ``generation_config.json`` is there and not readable.
        faults: A sentence for each file that is broken.
    """

    model: str
    folder: Path
    config: Mapping[str, Any] = field(default_factory=dict)
    generation: Mapping[str, Any] | None = None
    ids: Mapping[str, int] = field(default_factory=dict)
    added: Mapping[str, int] = field(default_factory=dict)
    named: Mapping[str, str] = field(default_factory=dict)
    has_tokenizer: bool = False
    lists_all: bool = False
    template: ChatTemplate | None = None
    broken_settings: bool = False
    faults: tuple[str, ...] = ()

    @property
    def rows(self) -> int | None:
        """How many ids ``config.json`` says that there are."""
        size = self._configured("vocab_size")
        return size if isinstance(size, int) else None

    def config_ids(self, key: str) -> tuple[int, ...]:
        """Return the ids that ``config.json`` has under a key such as ``EOS``."""
        return _ids(self._configured(key))

    def generation_ids(self, key: str) -> tuple[int, ...]:
        """Return the ids that ``generation_config.json`` has under a key."""
        return _ids((self.generation or {}).get(key))

    def tokenizer_ids(self, key: str) -> tuple[int, ...]:
        """Return the id of the tokenizer's token for a key; none if it has none."""
        token = self.named.get(key.removesuffix("_id"), "")
        return (self.ids[token],) if token in self.ids else ()

    def all_ids(self, key: str) -> tuple[int, ...]:
        """Return what any of the three has under a key, valid or not, each once."""
        return tuple(
            dict.fromkeys(
                (
                    *self.generation_ids(key),
                    *self.config_ids(key),
                    *self.tokenizer_ids(key),
                )
            )
        )

    def text(self, number: int) -> str | None:
        """Return the token of an id, ``None`` if no file tells it."""
        return self._texts.get(number)

    def is_valid(self, number: int) -> bool:
        """Whether an id is one of the vocabulary, a row that no token has included."""
        known = number in self._texts
        rows = self.rows
        if rows is None:
            return number >= 0 and (known or not self.ids)
        return 0 <= number < rows

    @property
    def template_ends(self) -> tuple[str, ...]:
        """The end tokens that the chat template writes and the tokenizer has."""
        if self.template is None:
            return ()
        text = self.template.text
        own = self.named.get("eos_token", "")
        writes_own = own in text or "eos_token" in self.written_variables
        found = [own] if own in self.ids and writes_own else []
        known = {self._texts.get(one) for one in self.all_ids(EOS)}
        found += [
            token
            for token in self.added
            if token in self.ids and (token in _TURN_ENDS or token in known)
            if token and token in text
        ]
        return tuple(dict.fromkeys(found))

    @property
    def written_variables(self) -> dict[str, str]:
        """``"eos_token"`` and the like, where the template says so, to the token."""
        texts = () if self.template is None else self.template.named.values()
        used = {name for text in texts for name in _VARIABLE.findall(text)}
        return {key: token for key, token in self.named.items() if key in used}

    @property
    def ends_by_template(self) -> bool:
        """Whether it ends on what its template writes, as far as that can be told.

        A base model may carry the template of its family, which it was never trained
        for.
        """
        written = self.template_ends
        ends = {self.text(number) for number in self.all_ids(EOS)}
        return not written or not ends.isdisjoint(written)

    @cached_property
    def _texts(self) -> Mapping[int, str]:
        return {number: token for token, number in self.ids.items()}

    def _configured(self, key: str) -> Any:
        nested = self.config.get("text_config")
        value = self.config.get(key)
        if value is None and isinstance(nested, Mapping):
            return nested.get(key)
        return value


def find_turn_ends(model: str, cache_dir: str | None = None) -> TurnEnds:
    """Find a model and read what it ends its turns on.

    Args:
        model: A folder, or an id on the hub, of which all but weights is fetched.
        cache_dir: The hub cache; ``None`` for the usual one.

    Raises:
        InputError: If it is not to be had.
    """
    reference = Model(model, model)
    folder = locate(reference, cache_dir)
    if folder is None:
        folder = fetch_model(reference, cache_dir, WITHOUT_WEIGHTS)
    return read_turn_ends(model, folder)


def read_turn_ends(model: str, folder: Path, config_name: str = CONFIG) -> TurnEnds:
    """Read what a model ends its turns on; what is broken is told, not raised.

    Args:
        model: How it is called in what is told.
        folder: As ``locate`` has found it.
        config_name: The name of ``config.json`` in a result that is not whole yet.
    """
    faults: list[str] = []

    def read(name: str) -> dict[str, Any]:
        if not (folder / name).is_file():
            return {}
        try:
            return read_json(model, folder / name)
        except InputError as error:
            faults.append(str(error))
            return {}

    config, tokenizer = read(config_name), read(TOKENIZER)
    generation = read(GENERATION) if (folder / GENERATION).is_file() else None
    broken = generation == {} and any(GENERATION in fault for fault in faults)
    stamp, before = _stamp(folder), len(faults)
    known = None if stamp is None else _KNOWN.get(stamp)
    ids, added = known or _tokens(model, folder, read, tokenizer, faults)
    if stamp is not None and len(faults) == before:
        if len(_KNOWN) >= _MOST_KNOWN:
            _KNOWN.clear()
        _KNOWN[stamp] = ids, added
    faults += [
        f"Model {model!r}: {folder / name} has {key} {value!r}, which is no id."
        for name, content in ((CONFIG, config), (GENERATION, generation or {}))
        for key, value in content.items()
        if key in (EOS, BOS, PAD) and not _is_id(value)
    ]
    special = read("special_tokens_map.json") | tokenizer
    named = {
        key: text
        for key in ("eos_token", "bos_token", "pad_token")
        if (text := _content(special.get(key)))
    }
    template = read_chat_template(model, folder, tokenizer.get("chat_template"), faults)
    return TurnEnds(
        model,
        folder,
        config,
        None if broken else generation,
        ids,
        added,
        named,
        has_tokenizer(folder) or bool(ids),
        (folder / "tokenizer.json").is_file() and bool(ids),
        template,
        broken,
        tuple(faults),
    )


def _stamp(folder: Path) -> tuple[object, ...] | None:
    """Return what a change of the lists of tokens would change, if it is sure to."""
    found: list[object] = [str(folder.absolute())]
    for name in _LISTS:
        try:
            status = (folder / name).stat()
        except OSError:
            found.append(None)
            continue
        # written just now, it may be written again at what counts as the same time
        if time.time_ns() - status.st_mtime_ns < _SETTLED:
            return None
        found.append((status.st_ino, status.st_size, status.st_mtime_ns))
    return tuple(found)


def _tokens(
    model: str,
    folder: Path,
    read: Callable[[str], dict[str, Any]],
    tokenizer: Mapping[str, Any],
    faults: list[str],
) -> Tokens:
    """Return the ids of all tokens, and of those that were added."""
    ids, added = {}, {}
    if content := read("tokenizer.json"):
        try:
            ids = token_ids(model, folder / "tokenizer.json", content)
            added = {one["content"]: one["id"] for one in content["added_tokens"] or ()}
        except InputError as error:
            faults.append(str(error))
        except (KeyError, TypeError):
            added = {}
    else:  # a tokenizer of another kind: what its other files list
        listed = {**read("vocab.json"), **read("added_tokens.json")}
        ids = dict(listed)
    decoder = tokenizer.get("added_tokens_decoder")
    for number, entry in decoder.items() if isinstance(decoder, Mapping) else ():
        if (text := _content(entry)) and str(number).isdecimal():
            added.setdefault(text, int(number))
    whole = _whole(added)
    return {**whole, **_whole(ids)}, whole


def _whole(ids: Mapping[Any, Any]) -> dict[str, int]:
    """Return the tokens whose ids are numbers."""
    return {
        text: one
        for text, one in ids.items()
        if isinstance(text, str) and type(one) is int
    }


def _content(token: Any) -> str | None:
    """Return the text of a token, which may be written with its settings."""
    if isinstance(token, Mapping):
        token = token.get("content")
    return token if isinstance(token, str) else None


def _ids(value: Any) -> tuple[int, ...]:
    given = value if isinstance(value, list) else [value]
    return tuple(dict.fromkeys(one for one in given if type(one) is int))


def _is_id(value: Any) -> bool:
    """Whether a value says which tokens: an id, several, or none."""
    given = value if isinstance(value, list) else [value]
    return value is None or all(type(one) is int for one in given)
