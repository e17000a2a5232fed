"""What of a folder a former merge wrote; all else in it is somebody else's.

A merge is known by what it left: the provenance of ``iberian merge`` with its hashes,
the list that any other merge in our guard leaves, or else mergekit's own recipe, beside
which only what mergekit is known to write counts, and no more than it can have written
by then. A file that was changed since is no longer the merge's.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mergekit_ext.outputs.file_hash import sha256


CONFIG = "config.json"
PARTIAL = "config.json.partial"

# mergekit writes the first beside every merge, unless it is told not to
MARK = "mergekit_config.yml"
PROVENANCE = "merge_provenance.json"
FILES = ".merge_files.json"

_CARD = {"README.md", MARK}
_SAFETENSORS = re.compile(
    r"model(-\d{1,5}-of-\d{1,5})?\.safetensors|model\.safetensors\.index\.json"
)
_PICKLED = re.compile(
    r"pytorch_model(-\d{1,5}-of-\d{1,5})?\.bin|pytorch_model\.bin\.index\.json"
)
# what mergekit copies, saves or lets come along after it has written its recipe
_LATE = {
    "added_tokens.json", "additional_chat_templates", "chat_template.jinja",
    "chat_template.json", "generation_config.json", "merges.txt", "normalizer.json",
    "preprocessor_config.json", "processor_config.json", "sentencepiece.bpe.model",
    "special_tokens_map.json", "spiece.model", "tokenizer.json", "tokenizer.model",
    "tokenizer_config.json", "video_preprocessor_config.json", "vocab.json",
    "vocab.txt",
}  # fmt: skip
_LATE_BY = 60 * 10**9  # nanoseconds

Wrote = Callable[[Path], bool]


def may_write(name: str, *, card: bool = True, safetensors: bool = True) -> bool:
    """Whether a merge may write a file or folder of this name into its result.

    Args:
        name: The name, without a folder.
        card: Whether it is to write a model card.
        safetensors: Whether its weights are to be safetensors.
    """
    weights = _SAFETENSORS if safetensors else _PICKLED
    return (
        name in {CONFIG, PARTIAL, PROVENANCE, FILES}
        or name in _LATE
        or (card and name in _CARD)
        or weights.fullmatch(name) is not None
    )


def former_merge(folder: Path) -> set[str] | None:
    """Return the names in a folder that a merge wrote and nobody has changed since.

    A folder in it counts where all that it holds does.

    Args:
        folder: Its files are only read.

    Returns:
        ``None`` if no merge has left its mark there.
    """
    wrote = _by_provenance(folder) or _by_list(folder) or _by_recipe(folder)
    if wrote is None:
        return None
    return {
        entry.name
        for entry in folder.iterdir()
        if (files := list(_files(entry))) and all(map(wrote, files))
    }


def list_files(folder: Path) -> None:
    """Leave a list of the files of a result, for the next merge to the same place."""
    listed = {}
    for file in _files_below(folder):
        status = file.stat()
        listed[_wanted(file, folder)] = [status.st_size, status.st_mtime_ns]
    (folder / FILES).write_text(json.dumps(listed, indent=1) + "\n", encoding="utf-8")


def write_anew(folder: Path, result: Path, note: Any) -> None:
    """Write what a merge has left of itself anew, as some of its files will change.

    What is no longer the merge's own does not become it again.

    Args:
        folder: What may be a former merge.
        result: Files that will take the places of those of their names there; receives
            the provenance or the list.
        note: What has been done, for the provenance.
    """
    still = former_merge(folder) or set()
    changes = {_wanted(file, result): file for file in _files_below(result)}

    def keeps(name: str) -> bool:
        return name.split("/")[0] in still and name not in changes

    def is_free(name: str) -> bool:
        return name.split("/")[0] in still or not os.path.lexists(folder / name)

    ours = {name: file for name, file in changes.items() if is_free(name)}
    content, listed = _read(folder / PROVENANCE), _read(folder / FILES)
    if PROVENANCE in still and isinstance(content, dict):
        kept = [entry for entry in content["output"] if keeps(entry["name"])]
        content["output"] = kept + [
            {"name": name, "size": file.stat().st_size, "sha256": sha256(file)}
            for name, file in sorted(ours.items())
        ]
        content["mended"] = [*content.get("mended", []), note]
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        (result / PROVENANCE).write_text(text, encoding="utf-8")
    elif FILES in still and isinstance(listed, dict):
        rest = {name: state for name, state in listed.items() if keeps(name)}
        for name, file in ours.items():
            rest[name] = [file.stat().st_size, file.stat().st_mtime_ns]
        text = json.dumps(rest, indent=1) + "\n"
        (result / FILES).write_text(text, encoding="utf-8")


def _files_below(folder: Path) -> Iterator[Path]:
    for entry in folder.iterdir():
        yield from _files(entry)


def _wanted(file: Path, folder: Path) -> str:
    """Return the name that a file will have."""
    name = _name(file, folder)
    return CONFIG if name == PARTIAL else name


def _files(entry: Path) -> Iterator[Path]:
    """Yield what is no folder, links included, of an entry of a folder."""
    if entry.is_symlink() or not entry.is_dir():
        yield entry
        return
    for place, folders, files in os.walk(entry):
        linked = [name for name in folders if Path(place, name).is_symlink()]
        yield from (Path(place, name) for name in (*files, *linked))


def _by_provenance(folder: Path) -> Wrote | None:
    own = folder / PROVENANCE
    content = _read(own)
    try:
        listed = {e["name"]: (e["size"], e["sha256"]) for e in content["output"]}
    except (KeyError, TypeError):
        return None
    since = own.stat().st_ctime_ns

    def wrote(file: Path) -> bool:
        if file == own:
            return True
        size, digest = listed.get(_name(file, folder), (None, None))
        if not _is_plain(file) or file.stat().st_size != size:
            return False
        # what has not been touched since need not be read
        return file.stat().st_ctime_ns <= since or sha256(file) == digest

    return wrote


def _by_list(folder: Path) -> Wrote | None:
    own = folder / FILES
    listed = _read(own)
    if not isinstance(listed, dict):
        return None
    by = own.stat().st_ctime_ns + _LATE_BY

    def wrote(file: Path) -> bool:
        status = file.lstat()
        same = listed.get(_name(file, folder)) == [status.st_size, status.st_mtime_ns]
        # a file that was moved here has its old time of change, not of status
        return file == own or (same and _is_plain(file) and status.st_ctime_ns <= by)

    return wrote


def _by_recipe(folder: Path) -> Wrote | None:
    if _is_plain(folder / MARK):
        own = (folder / MARK).stat()
    elif _is_plain(folder / PARTIAL):
        own = (folder / PARTIAL).stat()
    else:
        return None

    def wrote(file: Path) -> bool:
        status = file.lstat()
        top = file.relative_to(folder).parts[0]
        known = may_write(top) or may_write(top, safetensors=False)
        by = own.st_mtime_ns + (_LATE_BY if top in _LATE else 0)
        return (
            known
            and top not in (PROVENANCE, FILES)
            and _is_plain(file)
            and status.st_mtime_ns <= by
            and status.st_ctime_ns <= own.st_ctime_ns + _LATE_BY
        )

    return wrote


def _name(file: Path, folder: Path) -> str:
    return str(file.relative_to(folder))


def _is_plain(file: Path) -> bool:
    return file.is_file() and not file.is_symlink()


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_bytes()) if _is_plain(file) else None
    except (OSError, ValueError):
        return None
