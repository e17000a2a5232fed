from __future__ import annotations

import sys
from pathlib import Path


# sweeps and results are made up there
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "report"))
