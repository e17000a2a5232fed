from __future__ import annotations

from hub_place import place


__all__ = ["place"]
