"""An answer in any of the forms in which programs write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.health import Generation
from lm_eval_iberian.ifeval.published_rows import whole_number
from lm_eval_iberian.terminal import one_line


Reply = tuple[object, object]


@dataclass(frozen=True)
class GivenAnswer:
    """One row of an answers file.

    Attributes:
        key: The key of its prompt, where it has one.
        prompt: The text of its prompt, where it has that.
        response: The answer; ``None`` is an empty one.
        generation: Why it ended and how long it could be, where the file says so.
        where: File, line and key.
        lang: The language of its prompt, where it names one.
        filter: The filter of lm-eval's that it went through, where one is named.
    """

    key: int | None
    prompt: str | None
    response: str | None
    generation: Generation
    where: str
    lang: str | None = None
    filter: str | None = None


def read_answer(row: Mapping[str, Any], where: str) -> GivenAnswer:
    """Return the answer that a row holds.

    The forms: ``{"key" or "prompt", "response"}``; the samples that lm-eval logs; chat
    ``messages``; chat and text completions; the batch output of OpenAI and of vLLM,
    whose ``custom_id`` is the key; the outputs of vLLM. ``finish_reason`` may say that
    an answer was cut off.

    Args:
        row: The row.
        where: File and line.

    Raises:
        DataError: It is in none of the forms, or holds other than one answer.
    """
    doc = row.get("doc")
    asked = doc if isinstance(doc, Mapping) else row
    named = asked.get("key") if "key" in asked else asked.get("custom_id")
    key = whole_number(named)
    if isinstance(key, int) and not isinstance(key, bool):
        where = f"{where}, key {key}"
    else:
        key = None
    try:
        prompt = _prompt(asked)
        if key is None and prompt is None:
            raise DataError(_no_prompt(asked, named))
        response, finish = _reply(row)
        if isinstance(response, list):
            response = _text(response)
        if not isinstance(response, str | None):
            kind = type(response).__name__
            raise DataError(
                f"needs a 'response' that is a text or null, found {kind} there"
            )
    except DataError as error:
        raise DataError(f"{where}: {error}") from error
    lang, filtered = asked.get("lang"), row.get("filter")
    return GivenAnswer(
        key=key,
        prompt=prompt,
        response=response,
        generation=read_generation(row, finish),
        where=where,
        lang=lang if isinstance(lang, str) else None,
        filter=filtered if isinstance(filtered, str) and asked is doc else None,
    )


def read_generation(row: Mapping[str, Any], finish: object = None) -> Generation:
    """Return what a row says of how its answer came about.

    Args:
        row: The row; lm-eval's samples hold how many tokens were asked for, and the
            texts at which it was to stop; those of our tasks whether it was cut off,
            which was told by the model's tokenizer where there was one.
        finish: Why the answer ended; left out, the row's own ``finish_reason``.
    """
    finish = finish or row.get("finish_reason")
    if finish is None and isinstance(row.get("no_stop_rate"), bool):
        finish = "length" if row["no_stop_rate"] else "stop"
    asked: Any = row.get("arguments")
    for name in ("gen_args_0", "arg_1"):
        asked = asked.get(name) if isinstance(asked, Mapping) else None
    asked = asked if isinstance(asked, Mapping) else {}
    limit, until = asked.get("max_gen_toks"), asked.get("until")
    stops = until if isinstance(until, list) else [until]
    return Generation(
        finish_reason=finish if isinstance(finish, str) else None,
        limit=limit if type(limit) is int else None,  # True is no number
        until=tuple(stop for stop in stops if isinstance(stop, str)),
    )


def _no_prompt(asked: Mapping[str, Any], named: object) -> str:
    """Say why a row belongs to no prompt."""
    if "key" in asked:
        return f"'key' must be a whole number, found {one_line(repr(named), 60)}"
    if "results" in asked and "config" in asked:
        return "these are lm-eval's results; give the samples_*.jsonl beside them"
    if "custom_id" in asked:
        return (
            f"its custom_id {one_line(repr(named), 60)} is no key; a request must be "
            "called after the key of its prompt"
        )
    return f"needs a 'key' (number) or a 'prompt' (text), found {_fields(asked)}"


def _prompt(asked: Mapping[str, Any]) -> str | None:
    """Return the text of the prompt: of chat messages, what the user said last."""
    found = asked.get("prompt")
    if found is None:
        found = asked.get("messages")
    if found is None or isinstance(found, str):
        return found
    if not _is_messages(found):
        raise DataError("'prompt' must be a text, or chat messages")
    said = [message for message in found if message.get("role") == "user"]
    text = _text(said[-1].get("content")) if said else None
    if not isinstance(text, str):
        raise DataError("no user message with a text is among its messages")
    return text


def _reply(row: Mapping[str, Any]) -> Reply:
    """Return the answer and why it ended."""
    finish = row.get("finish_reason") or row.get("stop_reason")
    response = row.get("response")
    if isinstance(row.get("doc"), Mapping):
        if row.get("filtered_resps") is None:
            raise DataError(
                f"lm-eval's sample lacks 'filtered_resps', found {_fields(row)}"
            )
        return _only(row["filtered_resps"]), finish
    if row.get("error") or (row.get("custom_id") and response is None):
        raise DataError(f"the request failed: {one_line(row.get('error'), 100)}")
    if isinstance(response, Mapping):
        if response.get("status_code") not in (None, 200):
            raise DataError(f"the request failed: status {response['status_code']}")
        body = response.get("body")
        return _completion(body if isinstance(body, Mapping) else response)
    if row.get("choices") is not None:
        return _completion(row)
    if row.get("outputs") is not None:
        return _part(_only(row["outputs"]))
    if isinstance(response, list) and not (response and _is_messages(response)):
        return _only(response), finish
    messages = response if isinstance(response, list) else row.get("messages")
    if "response" in row and not isinstance(response, list):
        return response, finish
    if not _is_messages(messages):
        raise DataError(
            f"needs a 'response' that is a text or null, found {_fields(row)}"
        )
    if messages[-1].get("role") != "assistant":
        raise DataError("no assistant message ends its messages")
    return messages[-1].get("content"), finish


def _completion(body: Mapping[str, Any]) -> Reply:
    """Return the one choice of a chat or a text completion."""
    if body.get("choices") is None:
        raise DataError(f"its completion lacks 'choices', found {_fields(body)}")
    return _part(_only(body["choices"]))


def _part(choice: object) -> Reply:
    if not isinstance(choice, Mapping):
        raise DataError("its completion is not a JSON object")
    message = choice.get("message")
    if isinstance(message, Mapping):
        return message.get("content"), choice.get("finish_reason")
    if "text" not in choice:
        raise DataError(f"its completion lacks a 'text', found {_fields(choice)}")
    return choice["text"], choice.get("finish_reason")


def _only(replies: object) -> object:
    """Return the only one of several answers."""
    while isinstance(replies, list) and len(replies) == 1:
        (replies,) = replies
    if isinstance(replies, list):
        raise DataError(
            f"it holds {len(replies)} answers, not one; every run wants a file of its "
            "own"
        )
    return replies


def _text(content: object) -> object:
    """Return the text of a message's content, which may be in parts."""
    if not isinstance(content, Sequence) or isinstance(content, str):
        return content
    parts = [
        part.get("text") if isinstance(part, Mapping) else None for part in content
    ]
    texts = [part for part in parts if isinstance(part, str)]
    return "".join(texts) if texts and len(texts) == len(parts) else content


def _is_messages(found: object) -> TypeGuard[list[Mapping[str, Any]]]:
    return isinstance(found, list) and all(
        isinstance(part, Mapping) and "role" in part for part in found
    )


def _fields(row: Mapping[str, Any]) -> str:
    return one_line(", ".join(map(str, row)) or "no field", 120)
