"""The options that a prompt gives for its answer, and which of them an answer is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import repeat
from typing import Final, NamedTuple

from lm_eval_iberian.ifeval.instruction import Answer
from lm_eval_iberian.languages import LanguageProfile, fold_spaces, fold_typed


# emphasis and quotes may stand anywhere in an option: My answer is **yes**.
_MARKS: Final = str.maketrans("", "", '*_`"“”«»‹›„')
# an option is no longer, and a list has no more of them
_LENGTH: Final = 60
_MOST: Final = 12
_QUOTED: Final = (
    rf"(?:[\"“”„][^\n\"“”„«»]{{1,{_LENGTH}}}[\"“”]|«[^\n«»]{{1,{_LENGTH}}}»"
    rf"|(?<![^\W_])['‘][^\n'‘’]{{1,{_LENGTH}}}['’](?![^\W_]))"
)
# an option in bold, as code or in brackets; [text](address) is a link
_MARKED: Final = (
    rf"(?:\*{{1,3}}(?=\S)[^*\n]{{1,{_LENGTH}}}\*{{1,3}}|`[^`\n]{{1,{_LENGTH}}}`"
    rf"|\[(?! ?\])[^\[\]\n]{{1,{_LENGTH}}}\](?!\())"
)
_BULLET: Final = r"[ \t]{0,8}(?:[-*•–+]|\(?(?:\d{1,2}|[A-Za-z])[.)]|[A-H]:)[ \t]{1,4}"
_ONE_QUOTED: Final = re.compile(_QUOTED)
_ONE_MARKED: Final = re.compile(_MARKED)
_LINE: Final = rf"[^\n]{{1,{_LENGTH}}}(?:\n|\Z)"
_BULLETS: Final = re.compile(rf"(?:^{_BULLET}{_LINE}){{2,{_MOST}}}", re.MULTILINE)
_LINES: Final = re.compile(rf":[ \t]{{0,3}}\n{{1,2}}((?:{_LINE}){{2,{_MOST}}})")
_MARKER: Final = re.compile(rf"^{_BULLET}", re.MULTILINE)
_LETTER: Final = re.compile(r"(?<![^\W_])\(?([a-hA-H]|\d)[.)][ \t]{1,3}")
_ITEM_END: Final = re.compile(r"[\n;,.]")
_INLINE: Final = re.compile(r"[:(]([^:()\n.]{3,200})(?:[).\n]|\Z)")
_AROUND: Final = " \t\n\"'“”„«»‘’‹›,;*`[]"
# an option of more words than this may stand inside a longer sentence
_FEW: Final = 2


def offered(answer: Answer) -> tuple[str, ...]:
    """Return the options that the prompt lists, else those of the language's pack."""
    if not answer.prompt:
        return answer.profile.constrained.options
    return _offered(answer.prompt, answer.profile)


def chosen(answer: Answer) -> list[str]:
    """Return the options that an answer gives; case and the last full stop are free.

    One of several words may stand anywhere (``My answer is yes.``), a bare ``No`` only
    as a sentence of its own. Where the prompt forbids more, an answer with anything
    more gives none.
    """
    options = sorted(offered(answer), key=len, reverse=True)
    if answer.prompt and _forbids_more(answer.prompt, answer.profile):
        given = _key(_MARKER.sub("", answer.plain, count=1))
        return [option for option in options if _key(option) == given]
    lines = answer.plain.translate(_MARKS).split("\n")
    text = "\n".join(fold_typed(_MARKER.sub("", line)) for line in lines)
    found = []
    for option in options:
        text, uses = _pattern(_key(option)).subn("\n", text)
        if uses:
            found.append(option)
    return found


@lru_cache(maxsize=1024)
def _pattern(key: str) -> re.Pattern[str]:
    """Compile the search for an option."""
    body = r"\s".join(map(re.escape, key.split()))
    if len(key.split()) > _FEW:
        return re.compile(rf"(?<![^\W_]){body}(?![^\W_])")
    return re.compile(
        rf"(?:(?<=[.!?:\n])|\A)[ ]?{body}(?=[.!?]?(?:\s|\Z))(?:[.!]|(?=\s*(?:\n|\Z)))"
    )


def _key(option: str) -> str:
    """Return an option as it is compared."""
    return fold_typed(option.translate(_MARKS)).strip(" .")


@lru_cache(maxsize=1024)
def _offered(prompt: str, profile: LanguageProfile) -> tuple[str, ...]:
    """Return the options of the first way of listing them that a prompt has."""
    for listed in _lists(prompt, profile):
        options = {
            _key(option): option for option in map(_tidy, listed, repeat(profile))
        }
        options.pop("", None)
        if len(options) > 1:
            return tuple(options.values())
    return profile.constrained.options


def _lists(prompt: str, profile: LanguageProfile) -> Iterator[list[str]]:
    """Yield what may be the options, the surest first."""
    yield [match[0] for match in _with_stem(profile).finditer(prompt)]
    rows = _rows(profile)
    yield _longest(rows.quoted, _ONE_QUOTED, prompt)
    for pattern in (_BULLETS, _LINES):
        for match in reversed(list(pattern.finditer(prompt))):
            yield [_MARKER.sub("", line) for line in match[0].lstrip(":").split("\n")]
    yield _lettered(prompt)
    yield _longest(rows.marked, _ONE_MARKED, prompt)
    for match in reversed(list(rows.pair.finditer(prompt))):
        yield [word for word in match.groups() if word]
    for match in reversed(list(_INLINE.finditer(prompt))):
        parts = [part for part in rows.parts.split(match[1]) if part.strip()]
        if all(len(part.split()) < 5 for part in parts):
            yield parts
    for match in reversed(list(rows.words.finditer(prompt))):
        yield list(match.groups())


def _longest(rows: re.Pattern[str], one: re.Pattern[str], prompt: str) -> list[str]:
    """Return the options of the longest row, of several the last."""
    found = [one.findall(match[0]) for match in rows.finditer(prompt)]
    return max(reversed(found), key=len, default=[])


def _lettered(prompt: str) -> list[str]:
    """Return the items of a list in a row: 1. red 2. green, or (a) and (b)."""
    _, *parts = _LETTER.split(prompt)
    marks, items = "".join(parts[::2]).lower(), parts[1::2]
    if marks and not ("abcdefgh".startswith(marks) or "123456789".startswith(marks)):
        return []
    return [_ITEM_END.split(item)[0] for item in items]


def _tidy(option: str, profile: LanguageProfile) -> str:
    """Return an option on one line, without what is around it in its list."""
    line = " ".join(option.split()).strip(_AROUND)
    return _rows(profile).leading.sub("", line).strip(_AROUND)


class _Rows(NamedTuple):
    """How options stand in a row: quoted, or single words; what parts them."""

    quoted: re.Pattern[str]
    marked: re.Pattern[str]
    words: re.Pattern[str]
    pair: re.Pattern[str]
    parts: re.Pattern[str]
    leading: re.Pattern[str]


@cache
def _rows(profile: LanguageProfile) -> _Rows:
    """Compile rows of options with the conjunctions of a language."""
    rules = profile.constrained
    conjunctions = tuple(map(re.escape, rules.conjunctions)) or ("(?!)",)
    either = "|".join(conjunctions)
    verbs, between_two = _any_of(rules.answering), _any_of(rules.between)
    or_ = _any_of(rules.alternatives)
    # commas, line ends and a word for or between two of them
    between = (
        rf"[ \t]{{0,3}}[,;/|.]?\s{{0,3}}(?:{_BULLET})?(?:(?:{either})[ \t]{{1,3}})?"
    )
    word = r"([^\W_]+)"
    # answer in Basque or Spanish is about the language
    filled = rf"(?:[ ](?!(?:{either})[ ])[^\W_]{{1,12}}){{0,3}}?(?<![ ]en)(?<![ ]in)"
    last = r"(?=[ ]?(?:[^\w\s]|\n|\Z))"
    return _Rows(
        re.compile(rf"{_QUOTED}(?:{between}{_QUOTED}){{1,{_MOST}}}"),
        re.compile(rf"{_MARKED}(?:{between}{_MARKED}){{1,{_MOST}}}"),
        re.compile(
            rf"(?<![^\W_]){word}, {word},? {conjunctions[0]} {word}", re.IGNORECASE
        ),
        re.compile(
            rf"(?<![^\W_])(?:{verbs}){filled}[ ]{word}[ ](?:{or_})[ ]{word}{last}"
            rf"|(?<![^\W_]){word}[ ](?:{or_})[ ]{word}[ ](?:{verbs})(?![^\W_])"
            rf"|(?<![^\W_])(?:{between_two})[ ]{word}[ ](?:{either})[ ]{word}{last}",
            re.IGNORECASE,
        ),
        re.compile(rf"[,;/|]|\s(?:{either})\s"),
        re.compile(rf"^(?:{either})\s+", re.IGNORECASE),
    )


def _any_of(words: tuple[str, ...]) -> str:
    """Return the pattern of any of some words; nothing matches without any."""
    return "|".join(map(re.escape, words)) or "(?!)"


@cache
def _with_stem(profile: LanguageProfile) -> re.Pattern[str]:
    """Compile how an option usually begins, and some words more."""
    stems = "|".join(map(re.escape, profile.constrained.stems))
    words = r"[^.\n\"'“”«»‘’()/;,]{1,60}"
    return re.compile(rf"(?<![^\W_])(?:{stems})[ \t]+{words}\.?", re.IGNORECASE)


@lru_cache(maxsize=1024)
def _forbids_more(prompt: str, profile: LanguageProfile) -> bool:
    """Tell whether a prompt forbids any addition; its question says nothing of that."""
    _, _, after = prompt.rpartition("?")
    asked = fold_spaces(after if after.strip() else prompt)
    return any(fold_spaces(cue) in asked for cue in profile.constrained.nothing_more)
