"""A merge method as a file for mergekit's tree, and its rows for the documentation."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from string import Template

from mergekit_ext.methods.method import Method
from mergekit_ext.methods.parameters import REQUIRED, Parameter
from mergekit_ext.source_code.import_lines import WIDTH, Import, import_lines
from mergekit_ext.upstream.excerpts import Excerpt, excerpt, split_imports
from mergekit_ext.upstream.pull_request_list import PullRequest


PIECES = Path(__file__).parent / "pieces"

_LICENCE = "# SPDX-License-Identifier: LGPL-3.0-only"
_BASE = "mergekit.merge_methods.base"


def method_file(request: PullRequest) -> str:
    """Return the module of a pull request's methods, in mergekit's style."""
    piece = PIECES / request.name / f"{request.name}.py.txt"
    fitted = split_imports(piece.read_text("utf-8"))
    taken = excerpt(request.definitions)
    specs = list(_specs(request.methods))
    imports = {"annotations": Import("__future__", "annotations")}
    for part in (fitted, taken, *specs):
        imports |= part.imports
    blocks = [
        "\n".join(import_lines(imports, "mergekit")) + "\n",
        taken.code,
        *(spec.code for spec in specs),
        fitted.code,
    ]
    text = f"{_LICENCE}\n\n{_docstring(request)}\n\n{blocks[0]}"
    for before, block in pairwise(blocks):
        wide = _closes_wide(before) or _opens_wide(block)
        text += ("\n\n" if wide else "\n") + block
    return text


def _opens_wide(block: str) -> bool:
    """Whether two blank lines stand before a block: it starts with a definition."""
    return block.startswith(("def ", "class ", "@"))


def _closes_wide(block: str) -> bool:
    """Whether two blank lines stand after a block: it ends with a definition."""
    return isinstance(ast.parse(block).body[-1], (ast.FunctionDef, ast.ClassDef))


def docs_rows(request: PullRequest) -> str:
    """Return what the two pages of documentation are to say of the methods."""
    first = next(iter(request.methods.values()))
    rows = "\n".join(_docs_row(parameter) for parameter in first.parameters)
    piece = PIECES / request.name / "docs.md.txt"
    return Template(piece.read_text("utf-8")).substitute(
        parameters=rows, source=first.source
    )


def _docstring(request: PullRequest) -> str:
    """Return the docstring of the method's own file as it is written there."""
    text = (PIECES.parent.parent / request.introduction).read_text("utf-8")
    source = ast.get_source_segment(text, ast.parse(text).body[0])
    return source or ""


def _specs(methods: Mapping[str, Method]) -> Iterator[Excerpt]:
    """Yield each method's specification; equal parameters are listed once."""
    listed: dict[tuple[Parameter, ...], str] = {}
    for key, method in methods.items():
        name = f"{key.upper()}_SPEC"
        parameters = "(" + "".join(map(_parameter, method.parameters)) + "\n    )"
        if method.parameters in listed:
            parameters = f"{listed[method.parameters]}.parameters"
        listed.setdefault(method.parameters, name)
        code = f"""{name} = MergeMethodSpec(
    name="{method.name}",
    pretty_name="{method.pretty_name}",
    reference_url="{method.source}",
    parameters={parameters},
    contract={_contract(method)},
)
"""
        yield Excerpt(code, {one.name: one for one in _needed(method)})


def _parameter(parameter: Parameter) -> str:
    scope = "NON_BASE" if parameter.per_model else "SHARED"
    parts = [f'"{parameter.name}"', _type(parameter), f"ParameterScope.{scope}"]
    if parameter.default is not REQUIRED:
        parts.append(f"default={_literal(parameter.default)}")
    line = f"        ParameterSpec({', '.join(parts)}),"
    if len(line) > WIDTH:
        inner = ",\n            ".join(parts)
        line = f"        ParameterSpec(\n            {inner},\n        ),"
    return f"\n{line}"


def _type(parameter: Parameter) -> str:
    if parameter.choices:
        return f"Literal[{', '.join(map(_literal, parameter.choices))}]"
    return parameter.type.__name__


def _literal(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _contract(method: Method) -> str:
    count = ""
    if method.exactly is not None:
        count = f", min_non_base={method.exactly}, max_non_base={method.exactly}"
    return f"InputContract(base=BasePolicy.{method.base.upper()}{count})"


def _needed(method: Method) -> Iterator[Import]:
    for name in (
        "BasePolicy", "InputContract", "MergeMethodSpec", "ParameterScope",
        "ParameterSpec",
    ):  # fmt: skip
        yield Import(_BASE, name)
    if any(parameter.choices for parameter in method.parameters):
        yield Import("typing", "Literal")


def _docs_row(parameter: Parameter) -> str:
    """Return a parameter as mergekit's guide lists it."""
    scope = "per-model" if parameter.per_model else "global"
    default = parameter.default
    shown = str(default).lower() if isinstance(default, bool) else _literal(default)
    ending = "required" if default is REQUIRED else f"default {shown}"
    return f"- `{parameter.name}` ({scope}): {parameter.must} ({ending})"
