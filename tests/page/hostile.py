"""Texts that would do something to a page that obeyed them."""

from __future__ import annotations

from typing import Final


# what a script of theirs would leave behind
MARK: Final = "window.obeyed=true"
HOSTILE: Final = {
    "a script": f"<script>{MARK}</script>",
    "the end of a script": f"</script><script>{MARK}</script>",
    "an image": f'<img src=x onerror="{MARK}">',
    "an attribute": f'" onmouseover="{MARK}" autofocus onfocus="{MARK}" x="',
    "a picture": f'<svg onload="{MARK}"><use href="data:,x"/></svg>',
    "a comment": f"<!--<script>{MARK}//",
    "the end of a comment": f"--><script>{MARK}</script>",
    "an address": f"javascript:{MARK}",
    "a frame": f'<iframe srcdoc="<script>parent.{MARK}</script>"></iframe>',
    "a base": '<base href="https://example.invalid/"><link rel=stylesheet href=x>',
    "a refresh": '<meta http-equiv="refresh" content="0;url=https://example.invalid">',
    "a style": "</style><style>*{display:none!important}</style>",
    "the end of a text": f"</textarea></title></noscript><script>{MARK}</script>",
    "a template of ours": "{{ 7 * 7 }}{% raw %}{{ config }}",
    "a template of theirs": "${7*7} `${window.obeyed=true}`",
    "an entity": "&lt;script&gt;&amp;&#x3c;b&#62;",
    "separators": f"a\u2028{MARK}\u2029b",
    "lone surrogates": "high \ud83d low \udc80 end",
    "zero": "before\x00after\x08\x1b[31m",
    "turned text": "\u202egnp.exe\u202c \u2066x\u2069 \u200f",
    "unseen text": "a\u200bb\ufeffc\U000e0041",
    "a prototype": "__proto__",
    "a constructor": "constructor",
    "escapes": "\\u003cscript\\u003e \\ \" ' `",
    "marks on marks": "Z" + "\u0351\u0353" * 60,
    "a long word": "W" * 3000,
    "a name of nothing": " \t\n ",
    "a face": "👩‍👩‍👧‍👦 ok",
}
