"""What the catalogue has, as tables for a terminal."""

from __future__ import annotations

from rich.table import Table

from lm_eval_iberian.paper_recipes.published import published
from lm_eval_iberian.paper_recipes.recipe_catalogue import (
    RecipeCatalogue,
    load_catalogue,
)


def listings() -> list[Table]:
    """Return backbones, language experts, methods and the paper's tables."""
    catalogue = load_catalogue()
    return [
        _backbones(catalogue),
        _experts(catalogue),
        _methods(catalogue),
        _tables(catalogue),
    ]


def _backbones(catalogue: RecipeCatalogue) -> Table:
    table = _table("backbone", "base", "instruct", "dtype")
    for name, found in catalogue.backbones.items():
        table.add_row(name, found.base, found.instruct, found.dtype)
    return table


def _experts(catalogue: RecipeCatalogue) -> Table:
    table = _table("language", *catalogue.backbones)
    rows = [backbone.experts for backbone in catalogue.backbones.values()]
    for lang in rows[0]:
        table.add_row(lang, *(row[lang].id or "not known: --expert" for row in rows))
    return table


def _methods(catalogue: RecipeCatalogue) -> Table:
    table = _table("method", "with --fused", "parameters and their values")
    for name, found in catalogue.methods.items():
        known = {**dict.fromkeys(found.required, "required"), **found.defaults}
        takes = (f"{p} {known[p]}" if p in known else p for p in found.takes)
        table.add_row(name, found.fused, ", ".join(takes))
    return table


def _tables(catalogue: RecipeCatalogue) -> Table:
    table = _table("tables of the paper", "merges", "methods")
    for found in catalogue.tables:
        numbers = ", ".join(map(str, found.numbers))
        count = len(published(catalogue, found.numbers))
        table.add_row(numbers, str(count), ", ".join(found.methods))
    return table


def _table(*columns: str) -> Table:
    return Table(*columns, box=None, pad_edge=False)
