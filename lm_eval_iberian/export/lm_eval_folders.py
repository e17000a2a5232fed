"""Writes task families as folders for lm-eval's own ``lm_eval/tasks/``.

Beside them lie the rows for ``tasks/README.md`` and the extras for ``pyproject.toml``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jinja2 import Environment, StrictUndefined, Template
from packaging.requirements import Requirement

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.export.exported_text import exported_text
from lm_eval_iberian.export.needed_code import NeededCode
from lm_eval_iberian.export.task_family import TaskFamily, task_family
from lm_eval_iberian.export.upstream_yaml import (
    descriptions,
    function_names,
    upstream_yamls,
)
from lm_eval_iberian.paths import task_configs


_TREE: Final = "lm_eval.tasks"
_BIBTEX: Final = re.compile(r"```bibtex\n(.*?)\n```", re.DOTALL)
_ENTRY: Final = re.compile(r"^@\w+\{([^,]+),.*?^\}", re.DOTALL | re.MULTILINE)
_ROWS: Final = "| Task Family | Description | Language(s) |\n|---|---|---|\n"


@dataclass(frozen=True)
class ExportedFamily:
    """What was written of a family.

    Attributes:
        folder: The name of its folder.
        names: Its tasks and groups.
        lines: How many lines of Python it has.
    """

    folder: str
    names: tuple[str, ...]
    lines: int


def write_lm_eval(into: Path, names: Iterable[str]) -> list[ExportedFamily]:
    """Write families below an empty folder, with what else upstream wants of them.

    Args:
        into: The folder.
        names: Which families.

    Returns:
        What was written of each, a family named twice once.

    Raises:
        UnknownNameError: There is no such family.
        DataError: There is nothing in one for upstream, or what it needs cannot be
            found out.
    """
    families = [task_family(name) for name in dict.fromkeys(names)]
    done = [_write(family, into / family.folder) for family in families]
    rows = "".join(map(_row, families))
    (into / "ROWS.md").write_text(_ROWS + rows, "utf-8")
    if extras := "".join(map(_extra, families)):
        (into / "extras.toml").write_text(extras, "utf-8")
    return done


def _write(family: TaskFamily, folder: Path) -> ExportedFamily:
    folder.mkdir()
    for name, text in upstream_yamls(family).items():
        (folder / name).write_text(text, "utf-8")
    lines = 0
    if family.code:
        code = NeededCode(family.code, function_names(family))
        lines = _write_code(family, code, folder)
    groups, tasks = descriptions(family)
    readme = _template().render(
        family=family,
        citation=_citation(family),
        groups=groups,
        tasks=tasks,
        packages=", ".join(f"`{Requirement(one).name}`" for one in family.extra),
    )
    (folder / "README.md").write_text(readme, "utf-8")
    return ExportedFamily(family.folder, (*groups, *tasks), lines)


def _write_code(family: TaskFamily, code: NeededCode, folder: Path) -> int:
    """Write the modules and what they read; return how many lines of Python it is."""
    places = {name: _place(family, name) for name in code.modules}
    if len(set(places.values())) < len(places):
        raise DataError(f"two modules of {family.name} have one place: {places}")

    def renamed(module: str) -> str:
        return f"{_TREE}.{family.folder}.{places[module]}"

    lines = 0
    for name, module in code.modules.items():
        path = folder.joinpath(*places[name].split(".")).with_suffix(".py")
        path.parent.mkdir(exist_ok=True)
        text = exported_text(code, module, renamed)
        path.write_text(text, "utf-8")
        lines += text.count("\n")
        for resource in module.resources():
            _copy(resource, path.with_name(resource.name), family.packs)
    return lines


def _place(family: TaskFamily, module: str) -> str:
    """Return where a module of ours goes in a family's folder, with dots."""
    if module == family.code:
        return "utils"
    first, *rest = module.split(".")[1:]
    return ".".join(rest if first in family.flat else (first, *rest))


def _copy(source: Path, target: Path, packs: Sequence[str]) -> None:
    """Copy a file with one line end at its end, or of a folder these packs."""
    if source.is_file():
        target.write_text(f"{source.read_text('utf-8').rstrip()}\n", "utf-8")
        return
    target.mkdir()
    for lang in packs:
        _copy(source / f"{lang}.toml", target / f"{lang}.toml", ())


def _extra(family: TaskFamily) -> str:
    """Return the line of an extra that installs what lm-eval itself does not."""
    listed = ", ".join(f'"{one}"' for one in family.extra)
    return f"{family.folder} = [{listed}]\n" if listed else ""


def _row(family: TaskFamily) -> str:
    link = f"[{family.folder}]({family.folder}/README.md)"
    return f"| {link} | {family.row} | {family.languages} |\n"


def _citation(family: TaskFamily) -> str:
    """Return the BibTeX entries of our README, or those of them that are cited."""
    text = (task_configs() / family.name / "README.md").read_text("utf-8")
    block = _BIBTEX.search(text)
    if block is None:
        raise DataError(f"task_configs/{family.name}/README.md has no BibTeX")
    entries = {match[1]: match[0] for match in _ENTRY.finditer(block[1])}
    return "\n".join(entries[key] for key in family.cited or entries)


def _template() -> Template:
    path = Path(__file__).with_name("upstream_readme.md.jinja")
    environment = Environment(  # noqa: S701 (makes Markdown of our own words)
        undefined=StrictUndefined, keep_trailing_newline=True
    )
    return environment.from_string(path.read_text("utf-8"))
