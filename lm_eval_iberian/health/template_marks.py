"""Finds what chat templates leave in an answer: tokens, role names, headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from heapq import merge
from pathlib import Path
from typing import Final

from lm_eval_iberian.health.said import RunOn, Said
from lm_eval_iberian.health.words import any_of, asks_for, health_words
from lm_eval_iberian.languages import fold
from lm_eval_iberian.toml import read_toml


_OPENING: Final = tuple("\"'“‘«`([")
# a word of a list stands between other single words
_LIST_WORD: Final = re.compile(r"[-*•\d.)\s]*[\w'’-]+[,;.]?")
_IN_SENTENCE: Final = re.compile(r"[^\W\d_][,:]? \Z")
# how far before a token one speaks of tokens
_SPOKEN: Final = 300


@cache
def _marks(key: str) -> tuple[str, ...]:
    found: list[str] = read_toml(Path(__file__).with_name("markers.toml"))[key]
    return tuple(sorted(found, key=len, reverse=True))


@cache
def _tokens(markers: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(any_of((*markers, *_marks("turns"), *_marks("ends"))))


_ROLE: Final = any_of(_marks("roles"))
_ROLE_PART: Final = re.compile(rf"\s*({_ROLE})[ \t]*(?:\n|\Z)", re.IGNORECASE)
_ANSWERING: Final = frozenset({"assistant", "model", "bot", "chatbot"})
# most answers have none of them before a line's end, which is cheap to see
_ANY_ROLE: Final = re.compile(rf"(?:{_ROLE})[ \t]*(?:\n|\Z)|assistant")
_ROLE_LINE: Final = re.compile(rf"^[ \t]*(?:{_ROLE})[ \t]*(?:\n|\Z)", re.M)
# glued to the end of a sentence, and the one that no word ends in to any word
_GLUED: Final = re.compile(
    rf"(?<=[^\s\w\-/_'’@#<(\[«“`])(?:(?:{_ROLE})[ \t]*(?=\n|\Z)|(?:assistant){{2}})"
    r"|(?<=[.!?…)»”\"])assistant(?=[A-ZÁÉÍÓÚÀÈÒ¿¡])"
    r"|(?<=[^\W_])assistant(?=[ \t]*\n|\Z)|(?<=[.!?…]\s)assistant(?=[ \t]*\n|\Z)"
)
# Uxíauser
_NAMED: Final = re.compile(r"(?<=[^\W\d_])user(?=[ \t]*\n)")


def skip_leading(response: str, markers: tuple[str, ...]) -> int:
    """Return where the answer begins behind marks of its own turn."""
    tokens = _tokens(markers)
    place = 0
    while True:
        rest = response[place : place + 400]
        skipped = len(rest) - len(rest.lstrip())
        match = tokens.match(rest, skipped) or _ROLE_LINE.match(rest, skipped)
        if not match:
            return place + skipped
        place += match.end()


def tokens_as_text(said: Said) -> Iterator[RunOn]:
    """Find the tokens of chat templates, written out as text."""
    ends = {*_marks("ends"), *said.markers}
    tokens = _tokens(said.markers)
    for match in tokens.finditer(said.response, said.begin):
        if match[0] in said.prompt or _is_mention(said, match):
            continue
        rest = tokens.sub("", said.response[match.end() : match.end() + 400]).strip()
        if match[0] in ends and not rest:
            continue
        yield RunOn(match.start(), f"'{match[0]}' stands in the answer as text")


def _is_mention(said: Said, match: re.Match[str]) -> bool:
    """Tell whether a token is spoken of: quoted, or in a line about tokens."""
    start = match.start()
    if said.response[max(0, start - 1) : start] in _OPENING:
        return True
    line = said.response[said.response.rfind("\n", 0, start) + 1 : start]
    # … a special token, like <|eot_id|>. A leak does not stand within a sentence
    if _IN_SENTENCE.search(line) and asks_for("tokens", fold(line[-_SPOKEN:])):
        return True
    if not asks_for("tokens", said.asked):
        return False
    return (
        line.endswith(" ")
        or line.startswith("    ")
        or "|>" in line
        or f"`{match[0]}`" in said.response
    )


def bare_roles(said: Said) -> Iterator[RunOn]:
    """Find role names that stand alone: marks whose special tokens were skipped."""
    if not _ANY_ROLE.search(said.response, said.begin):
        return
    glued = (
        (match.start(), f"'{match[0].strip()[:9]}' is glued to a sentence")
        for match in _GLUED.finditer(said.response, said.begin)
    )
    alone = (
        (match.start(), f"a line is nothing but '{match[0].strip()}'")
        for match in _ROLE_LINE.finditer(said.response, said.begin)
        if not _in_list(said.response, match) and not _is_named(match[0].strip(), said)
    )
    about = asks_for("tokens", said.asked)
    for start, reason in merge(glued, alone):
        if start > said.begin and not (about and said.response[start - 1] == ">"):
            # a name's own end is no role, unless a role answers it
            named = _NAMED.search(said.response, max(said.begin, start - 400), start)
            if named and "\n\n" not in said.response[named.end() : start].strip():
                yield RunOn(named.start(), "'user' is glued to a name")
            yield RunOn(start, reason)


def _is_named(role: str, said: Said) -> bool:
    """Tell whether the prompt asks about the word: why does it write 'assistant'?"""
    quoted = rf"[\"'`“«]{re.escape(role.lower())}[\"'`”»]"
    return bool(re.search(quoted, said.asked))


def _in_list(response: str, match: re.Match[str]) -> bool:
    """Tell whether the lines around are single words too."""
    before = [line.strip() for line in response[: match.start()].rstrip().split("\n")]
    after = response[match.end() : match.end() + 200].split("\n")[0].strip()
    last = before[-1]
    if not _LIST_WORD.fullmatch(last) or len(last) >= 30:
        return bool(_LIST_WORD.fullmatch(after)) and not last.endswith(".")
    # one's love, a name: a signature, and then a role
    signed = next((line for line in before[-2::-1] if line), "")
    return not signed.endswith(",") or last.endswith(",")


def system_prompts(said: Said) -> Iterator[RunOn]:
    """Find a system prompt, said again: ``You are a helpful assistant``."""
    asked = said.asked
    if asks_for("tokens", asked) or "prompt" in asked or wants_training_data(asked):
        return
    if asks_for("dialogue", asked):
        return
    for part in said.parts[1:]:
        begun = _system_prompts().match(part.said)
        if begun and begun[0] not in asked:
            yield RunOn(part.start, f"a system prompt begins: '{begun[0]}'")


@cache
def _system_prompts() -> re.Pattern[str]:
    """Return the beginnings of system prompts; … are some words."""
    begun = any_of(health_words("system_prompts"))
    begun = begun.replace("…", "[^.!?]{1,80}")
    return re.compile(rf"(?:\w{{3,12}}: )?(?:{begun})(?![^\W_])")


def last_request(prompt: str) -> str:
    """Return what a user said last in a prompt that a chat template wrote.

    A prompt without marks of a template is returned as it is. The answer's own
    beginning, which some tasks write behind the mark of its turn, is none of it.
    """
    pattern = _tokens(())
    if not pattern.search(prompt):
        return prompt
    role, said = "", ""
    for part in pattern.split(prompt):
        match = _ROLE_PART.match(part)
        if match:
            role = match[1].lower()
        text = part[match.end() if match else 0 :].strip()
        if text and role not in _ANSWERING:
            said = text
    return said or prompt


def wants_training_data(asked: str) -> bool:
    """Tell whether a prompt asks for data to train on."""
    return "alpaca" in asked or "instruc" in asked or "jarraibide" in asked


def template_headings(said: Said) -> Iterator[RunOn]:
    """Find the headings of instruction templates: ``### Instruction:``."""
    if "##" not in said.response:
        return
    if wants_training_data(said.asked) and "### " not in said.prompt:
        return
    for match in _heading_line().finditer(said.response, said.begin):
        if said.before(match.start()).strip():
            yield RunOn(match.start(), f"'{match[0].strip()}' begins another turn")


@cache
def _heading_line() -> re.Pattern[str]:
    names = any_of(_marks("headings"))
    return re.compile(
        rf"(?:^[ \t]*|(?<=```))#{{2,5}} ?({names})(?: ?\d+)? ?:?[ \t]*$"
        rf"|^[ \t]*#{{2,5}} ?({names}) ?:",
        re.M,
    )
