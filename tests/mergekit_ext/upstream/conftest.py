from __future__ import annotations

import sys
from pathlib import Path


# method_inputs
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "methods"))
