"""Definitions cut out of the package stand by themselves, or are refused."""

from __future__ import annotations

import ast

import pytest

from mergekit_ext.errors import MergeError
from mergekit_ext.source_code.import_lines import Import
from mergekit_ext.upstream.excerpts import excerpt, split_imports


def test_what_a_definition_uses_comes_with_it() -> None:
    found = excerpt({"methods/name_parts.py": ["has_part"]})
    names = [
        node.name
        for node in ast.parse(found.code).body
        if isinstance(node, ast.FunctionDef)
    ]
    assert names == ["has_part", "_runs", "_fits", "_is_number"]
    assert found.imports == {
        "Iterator": Import("collections.abc", "Iterator"),
        "fnmatchcase": Import("fnmatch", "fnmatchcase"),
    }


def test_the_source_is_that_of_the_package() -> None:
    from inspect import getsource

    from mergekit_ext.kernels.philox import keep_bits

    assert getsource(keep_bits) in excerpt({"kernels/philox.py": ["keep_bits"]}).code


def test_our_exceptions_become_the_built_in_ones_that_they_are() -> None:
    found = excerpt({"methods/layer_zones.py": ["zones"]})
    assert "ValueError" in found.code
    assert "RecipeError" not in found.code
    assert not [
        one for one in found.imports.values() if one.module.startswith("mergekit_ext")
    ]


def test_constants_keep_the_comment_above_them() -> None:
    code = excerpt({"methods/parameters.py": ["finite"]}).code
    assert code.startswith("# what sums are computed in holds no more\n_LARGEST = ")


def test_a_name_that_is_not_there_is_refused() -> None:
    with pytest.raises(MergeError, match=r"philox\.py does not define nothing"):
        excerpt({"kernels/philox.py": ["nothing"]})


def test_what_another_file_defines_must_be_wanted_too() -> None:
    with pytest.raises(MergeError, match="uses Input, Merge, work_dtype of other"):
        excerpt({"kernels/reference.py": ["nearswap", "delta"]})


def test_no_two_definitions_share_a_name() -> None:
    wanted = {"kernels/philox.py": ["philox"], "kernels/reference.py": ["philox"]}
    with pytest.raises(MergeError, match="define philox twice"):
        excerpt(wanted)


def test_the_imports_of_a_text_are_told_apart() -> None:
    found = split_imports("import os\nfrom a import (\n    b,\n)\n\n\nX = os.sep\n")
    assert found.code == "X = os.sep\n"
    assert found.imports == {"os": Import("os"), "b": Import("a", "b")}
