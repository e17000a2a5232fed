"""A folder for each pull request to mergekit, and a page that says what they are."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from string import Template

from mergekit_ext.upstream.method_files import PIECES, docs_rows, method_file
from mergekit_ext.upstream.pull_request_list import (
    NOT_OFFERED,
    PULL_REQUESTS,
    SAME_FORMULA,
    PullRequest,
)


_TEXT = ".txt"


def write_pull_requests(into: Path) -> dict[str, str]:
    """Write the files of every pull request, with a README.

    Each folder has what its request is to say (``pull_request.md``), its new files as
    they lie in mergekit's tree, and in ``changes.patch`` what changes in others.

    Args:
        into: An empty folder.

    Returns:
        Each folder's name, and the title of its request.

    Raises:
        MergeError: A method cannot be cut out of this package any more.
        OSError: Something cannot be written.
    """
    for request in PULL_REQUESTS:
        _write(request, into / request.name)
    titles = {request.name: _title(request) for request in PULL_REQUESTS}
    (into / "README.md").write_text(_readme(titles), "utf-8")
    return titles


def _write(request: PullRequest, folder: Path) -> None:
    tests = folder / "tests"
    tests.mkdir(parents=True)
    pieces = PIECES / request.name
    for test in sorted(pieces.glob(f"test_*.py{_TEXT}")):
        shutil.copyfile(test, tests / test.name.removesuffix(_TEXT))
    for name in ("changes.patch", "pull_request.md"):
        shutil.copyfile(pieces / name, folder / name)
    if request.methods:
        methods = folder / "mergekit" / "merge_methods"
        methods.mkdir(parents=True)
        file = methods / f"{request.name}.py"
        file.write_text(method_file(request), "utf-8")
        (folder / "docs.md").write_text(docs_rows(request), "utf-8")


def _readme(titles: Mapping[str, str]) -> str:
    requests = [
        f"| [`{name}`]({name}/pull_request.md) | {title} |"
        for name, title in titles.items()
    ]
    same = [
        f"| `{name}` | `{theirs}` | {results} |"
        for name, (theirs, results) in SAME_FORMULA.items()
    ]
    page = Template((PIECES / f"README.md{_TEXT}").read_text("utf-8"))
    waiting = ", ".join(f"`{name}`" for name in NOT_OFFERED)
    return page.substitute(
        requests="\n".join(requests), same="\n".join(same), waiting=waiting
    )


def _title(request: PullRequest) -> str:
    text = (PIECES / request.name / "pull_request.md").read_text("utf-8")
    return text.splitlines()[0].removeprefix("# ")
