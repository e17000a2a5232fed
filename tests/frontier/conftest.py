from __future__ import annotations

import sys
from pathlib import Path


# sweeps, results and samples are made up there
for folder in ("report", "comparison"):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / folder))
