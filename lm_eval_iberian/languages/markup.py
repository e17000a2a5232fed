r"""What an answer shows: its Markdown and HTML read once, for every check alike.

Two readings: ``laid_out`` keeps the form of the lines (headings, lists, emphasis) and
takes out what is only written for a program; ``plain`` is the bare text of that. Code
is left as it is written.

>>> plain("El cambio <b>climático</b> en *H<sub>2</sub>O* &amp; \\*\\*\\*")
'El cambio climático en H2O & ***'
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final


_INLINE_TAGS: Final = (
    "a|abbr|b|big|cite|code|del|dfn|em|font|i|ins|kbd|label|mark|q|s|samp|small|span"
    "|strike|strong|sub|sup|tt|u|var|wbr|img|input|button"
)
_BLOCK_TAGS: Final = (
    "p|div|section|article|header|footer|main|nav|aside|center|blockquote|pre|ul|ol|dl"
    "|dt|dd|table|thead|tbody|tr|hr|form|figure|figcaption|details|summary|html|head"
    "|body|title"
)
# <<Title>> is none
_ATTRIBUTES: Final = r"(?:\s[^<>]{0,300})?/?>(?!>)"
_TAG: Final = re.compile(
    rf"<(?<!<<)(?:br\s{{0,3}}/?>[ \t]*\n?"
    rf"|(?P<close>/?)(?:(?P<level>h[1-6])|(?P<item>li)|(?P<cell>t[dh])"
    rf"|(?P<block>{_BLOCK_TAGS})|(?:{_INLINE_TAGS})){_ATTRIBUTES}"
    r"|!--[^<]{0,300}?-->)",
    re.IGNORECASE,
)
_ENTITY: Final = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]\w{1,31});")
_TARGET: Final = r"\((?:[^()\s]|\([^()\s]{0,200}\)){0,600}(?:\s+\"[^\"\n]{0,200}\")?\)"
_IMAGE: Final = re.compile(rf"!\[[^\[\]\n]{{0,300}}\]{_TARGET}")
_LINK: Final = re.compile(rf"\[([^\[\]\n]{{1,300}})\]{_TARGET}")
_LABEL: Final = re.compile(
    r"^ {0,3}\[(?!\^)([^\[\]\n]{1,300})\]:[ \t]{0,3}<?(?:https?://|/|www\.)\S*[^\n]*\n?",
    re.MULTILINE,
)
_REFERENCE: Final = re.compile(r"\[([^\[\]\n]{1,300})\](?:\[([^\[\]\n]{0,300})\])?")
_FOOTNOTE: Final = re.compile(r"(?<!\\)\[\^[^\[\]\s]{1,40}\]:?")
_FENCE: Final = re.compile(r"[ \t]*(`{3,}|~{3,})[ \t]*([^\s`]*)[^`\n]*$")
_CODE: Final = re.compile(r"(?<!\\)(?<!`)(`{1,3})(?!`)([^`\n]{1,300})\1(?!`)")

_RUN: Final = re.compile(r"([*_~])\1*")
# the same for ** alone, the most frequent of them, which saves time
_BOLD: Final = re.compile(
    r"\*\*(?!\*)(?<!\*\*\*)(?<!\\\*\*)"
    r"(?:(?=[^\s\d])|(?<=[^\s\d]\*\*)|(?=\d)(?<!\d\*\*)|(?<=\d\*\*)(?!\d))"
)
_LINE_MARK: Final = re.compile(
    r"^[ \t]{0,3}(?:>[ \t]?){1,9}(?:#{1,6}[ \t]+)?|^[ \t]{0,3}#{1,6}[ \t]+",
    re.MULTILINE,
)
# emphasis of LaTeX
_COMMAND: Final = re.compile(
    r"\\(?:text(?:bf|it|tt|sc|rm)?|emph|underline|boxed)\{([^{}\n]{0,300})\}"
)
_ESCAPED: Final = re.compile(r"\\([!-/:-@\[-`{-~])")
_LONGEST_MARK: Final = 3
_KEYCAP: Final = re.compile("[0-9#*]\ufe0f?\u20e3")
_SIGNS: Final = "*_`~<&\\>#[\u20e3"
# stands for a piece of code while the rest is read
_MASK: Final = "\ue000"
# stand for line ends between blocks, however many tags meet there
_LINE_END: Final = "\ue001"
_BLANK_LINE: Final = "\ue002"
_LINE_ENDS: Final = re.compile(
    "\n?[ \t]{0,9}[\ue001\ue002](?:[ \t\n]{0,40}[\ue001\ue002])*[ \t]{0,9}\n?"
)
# fences with one of these hold code; the others hold a text or a document
_PROGRAMS: Final = frozenset({
    "python", "py", "javascript", "js", "typescript", "ts", "jsx", "tsx", "java", "c",
    "cpp", "c++", "csharp", "cs", "c#", "go", "rust", "rs", "ruby", "rb", "php", "perl",
    "r", "julia", "matlab", "lua", "kotlin", "swift", "scala", "haskell", "sql", "bash",
    "sh", "shell", "zsh", "powershell", "console", "css", "scss", "dockerfile", "asm",
    "makefile", "fortran", "pascal", "vb", "dart", "elixir",
})  # fmt: skip


@lru_cache(maxsize=32)
def laid_out(text: str) -> str:
    """Return the text with its lines and emphasis, but nothing meant for a program.

    HTML's line ends, headings and list items are those of Markdown, its other tags are
    gone, and so are images, comments and the addresses behind links; ``&amp;`` is
    ``&``. Code stays as it is.
    """
    if not any(map(text.__contains__, "<&[")):
        return text
    return "".join(
        piece if fenced else _outside_code(piece, _lay_out)
        for fenced, _, piece in _pieces(text)
    )


@lru_cache(maxsize=32)
def plain(text: str) -> str:
    r"""Return what a text shows, line by line, without any marks of markup.

    Emphasis, marks of headings and quotations, and fences are gone, ``\*`` is a star;
    signs that mark nothing stay.
    """
    if not any(map(text.__contains__, _SIGNS)):
        return text
    return "".join(
        _content(piece) if fenced else _outside_code(_unmarked(piece), _bare)
        for fenced, _, piece in _pieces(laid_out(text))
    )


def _unmarked(text: str) -> str:
    """Take marks of headings and quotations off the beginnings of lines."""
    return _LINE_MARK.sub("", text) if "#" in text or ">" in text else text


def plain_line(line: str) -> str:
    """Return what one line shows, its marks of heading or list aside."""
    if not any(map(line.__contains__, _SIGNS)):
        return line
    return _outside_code(line, _bare)


def without_code(text: str) -> str:
    """Return the text with a word for code in backticks, and without fenced code.

    A fence holds code if it names a language of programs.
    """
    if "`" not in text and "~~~" not in text:
        return text
    kept = []
    for fenced, name, piece in _pieces(text):
        if not fenced:
            kept.append(_CODE.sub("code", piece))
        elif name not in _PROGRAMS:
            kept.append(_content(piece))
    return "".join(kept)


def _pieces(text: str) -> Iterator[tuple[bool, str, str]]:
    """Yield whether a run of lines is fenced, the name at its fence, and the lines.

    An unclosed fence reaches to the end, as in Markdown.
    """
    if "```" not in text and "~~~" not in text:
        yield False, "", text
        return
    held: list[str] = []
    fence = name = ""
    for line in text.splitlines(keepends=True):
        match = _FENCE.match(line)
        if match is None or (fence and match[1][:3] != fence):
            held.append(line)
            continue
        if fence:
            held.append(line)
        if held:
            yield bool(fence), name, "".join(held)
        held = [] if fence else [line]
        name = "" if fence else match[2].lower()
        fence = "" if fence else match[1][:3]
    if held:
        yield bool(fence), name, "".join(held)


def _content(fenced: str) -> str:
    """Return the lines between two fences."""
    _, _, body = fenced.partition("\n")
    lines = body.split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    if lines and _FENCE.match(lines[-1]):
        lines.pop()
    return "".join(f"{line}\n" for line in lines)


def _outside_code(text: str, read: Callable[[str], str]) -> str:
    """Read a text apart from the code in backticks, whose content stays as it is."""
    if "`" not in text:
        return read(text)
    codes: list[str] = []

    def mask(match: re.Match[str]) -> str:
        codes.append(match[0] if read is _lay_out else match[2])
        return _MASK

    masked = read(_CODE.sub(mask, text.replace(_MASK, "")))
    found = iter(codes)
    return re.sub(_MASK, lambda _: next(found, ""), masked)


def _lay_out(text: str) -> str:
    """Take tags, entities, images and the addresses of links out of a text."""
    if "<" in text:
        text = _TAG.sub(_tag, text)
        if _LINE_END in text or _BLANK_LINE in text:
            text = _LINE_ENDS.sub(_line_ends, text)
    if "&" in text:
        text = _ENTITY.sub(lambda match: html.unescape(match[0]), text)
    if "](" in text:
        text = _LINK.sub(_link, _IMAGE.sub("", text))
    if "]:" in text:
        labels = {match[1].strip().lower() for match in _LABEL.finditer(text)}
        if labels:
            text = _REFERENCE.sub(
                lambda m: m[1] if _label(m) in labels else m[0], _LABEL.sub("", text)
            )
    if "[^" in text:
        text = _FOOTNOTE.sub("", text)
    return text


def _tag(match: re.Match[str]) -> str:
    """Return what stands in Markdown where a tag stood."""
    if match[0][1:3].lower() == "br":
        return "\n"
    if match["cell"]:
        return " "
    closes = bool(match["close"])
    if match["level"]:
        return _LINE_END if closes else f"{_LINE_END}{'#' * int(match['level'][1])} "
    if match["item"]:
        return _LINE_END if closes else f"{_LINE_END}- "
    if match["block"]:
        return _BLANK_LINE if match["block"].lower() == "p" else _LINE_END
    return ""


def _line_ends(match: re.Match[str]) -> str:
    """Return the line ends between two blocks, none before the first."""
    if match.start() == 0:
        return ""
    return "\n\n" if _BLANK_LINE in match[0] else "\n"


def _link(match: re.Match[str]) -> str:
    """Return the text of a link; (a word) behind brackets is no address."""
    target = match[0][len(match[1]) + 2 :]
    return match[1] if any(map(target.__contains__, "/.#:?=")) else match[0]


def _label(match: re.Match[str]) -> str:
    return (match[2] or match[1]).strip().lower()


def _mark(match: re.Match[str]) -> str:
    """Return nothing for a mark of emphasis, else the signs themselves.

    A mark touches a text: 2*3 and 2 * 3 have none, nor is a run of stars alone one,
    which parts two answers, nor the line ____ to write on.
    """
    signs, text = match[0], match.string
    before = text[max(0, match.start() - 1) : match.start()]
    after = text[match.end() : match.end() + 1]
    if len(signs) > _LONGEST_MARK or signs == "~" or before == "\\":
        return signs
    if not (before + after).strip():
        return signs
    if not before.isalnum() or not after.isalnum():
        return ""
    letter = before.isalpha() or after.isalpha()
    return "" if signs[0] == "*" and letter else signs


def _bare(text: str) -> str:
    """Take the marks of emphasis and the backslashes of escapes out of a text."""
    if "\u20e3" in text:
        text = _KEYCAP.sub("", text)
    if "**" in text:
        text = _BOLD.sub("", text)
    if any(map(text.__contains__, "*_~")):
        text = _RUN.sub(_mark, text)
    if "\\" in text:
        text = _COMMAND.sub(r"\1", text)
        text = _ESCAPED.sub(r"\1", text)
    return text
