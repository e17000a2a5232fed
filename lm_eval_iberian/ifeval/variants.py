"""The eight variants of an answer that loose scoring tries."""

from __future__ import annotations

from collections.abc import Iterator


def variants(text: str) -> Iterator[tuple[str, str]]:
    """Yield name and text of each variant besides the answer itself.

    Without its first line, its last line, both, and all of that without asterisks.
    Blank variants and repetitions are left out.
    """
    seen = {text}
    for name, variant in _all(text):
        if variant not in seen and variant.strip():
            seen.add(variant)
            yield name, variant


def _all(text: str) -> Iterator[tuple[str, str]]:
    lines = text.split("\n")
    cut = (
        ("without the first line", "\n".join(lines[1:]).strip()),
        ("without the last line", "\n".join(lines[:-1]).strip()),
        ("without the first and the last line", "\n".join(lines[1:-1]).strip()),
    )
    yield "without stars", text.replace("*", "")
    yield from cut
    for name, part in cut:
        yield f"{name} and without stars", part.replace("*", "")
