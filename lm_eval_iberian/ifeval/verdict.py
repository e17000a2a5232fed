"""What a checker says about one answer and one instruction."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """Whether an instruction was followed, and why in words a reader can check."""

    followed: bool
    reason: str

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise ValueError("A verdict needs a reason.")

    def __bool__(self) -> bool:
        return self.followed


def shown(items: list[str] | tuple[str, ...], limit: int = 5, width: int = 40) -> str:
    """Quote a few items for a reason, each of them shortened."""
    if not items:
        return "none"
    kept = [f"'{shorten(item, width)}'" for item in items[:limit]]
    more = f" and {len(items) - limit} more" if len(items) > limit else ""
    return ", ".join(kept) + more


def shorten(text: str, width: int = 60) -> str:
    """Return the text on one line, cut at a width."""
    line = " ".join(text[: 4 * width].split())
    return line if len(line) <= width else f"{line[:width]}…"
