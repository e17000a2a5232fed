from __future__ import annotations

import sys
from pathlib import Path


sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "report"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "comparison"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "frontier"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "suites"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "ifeval"))

from hub_place import place


__all__ = ["place"]
