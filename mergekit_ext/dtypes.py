"""The dtypes a merge takes and gives: one list for recipes, kernels and messages."""

from __future__ import annotations


# name -> bytes of a number
DTYPES = {"float16": 2, "bfloat16": 2, "float32": 4, "float64": 8}
