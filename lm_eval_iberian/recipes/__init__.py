"""Recipes for mergekit: those of the paper's tables, and others like them.

>>> print(recipe_text(Request("qwen3-8b", "linear", ("eu",)), load_catalogue()))
... # doctest: +SKIP
"""

from __future__ import annotations

from lm_eval_iberian.recipes.build import DTYPES, build
from lm_eval_iberian.recipes.catalogue import Catalogue, load_catalogue
from lm_eval_iberian.recipes.checked import check_text
from lm_eval_iberian.recipes.published import (
    Published,
    published,
    refuse_other,
    write_all,
)
from lm_eval_iberian.recipes.request import Request, Setting, read_setting
from lm_eval_iberian.recipes.text import named, recipe_text


__all__ = [
    "DTYPES",
    "Catalogue",
    "Published",
    "Request",
    "Setting",
    "build",
    "check_text",
    "load_catalogue",
    "named",
    "published",
    "read_setting",
    "recipe_text",
    "refuse_other",
    "write_all",
]
