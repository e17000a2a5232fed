"""Recipes for mergekit: those of the paper's tables, and others like them.

>>> print(recipe_text(Request("qwen3-8b", "linear", ("eu",)), load_catalogue()))
... # doctest: +SKIP
"""

from __future__ import annotations

from lm_eval_iberian.paper_recipes.as_yaml import (
    check_text,
    named,
    recipe_text,
    turn_sentences,
)
from lm_eval_iberian.paper_recipes.build import build
from lm_eval_iberian.paper_recipes.published import (
    Published,
    published,
    refuse_other,
    suggested,
    write_all,
)
from lm_eval_iberian.paper_recipes.recipe_catalogue import (
    RecipeCatalogue,
    load_catalogue,
)
from lm_eval_iberian.paper_recipes.request import (
    ParameterSetting,
    Request,
    read_setting,
)


__all__ = [
    "ParameterSetting",
    "Published",
    "RecipeCatalogue",
    "Request",
    "build",
    "check_text",
    "load_catalogue",
    "named",
    "published",
    "read_setting",
    "recipe_text",
    "refuse_other",
    "suggested",
    "turn_sentences",
    "write_all",
]
