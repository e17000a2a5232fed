"""Let a model that is there end its turns as another does; its weights stay."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from mergekit_ext.errors import InputError, OutputError
from mergekit_ext.inputs.borrowed_ends import Borrowed, borrow
from mergekit_ext.inputs.chat_template import MORE_TEMPLATES
from mergekit_ext.inputs.turn_ends import EOS, TurnEnds, read_turn_ends
from mergekit_ext.outputs.former_merge import CONFIG, PARTIAL, write_anew
from mergekit_ext.outputs.output_folder import recover, some_files_exchanged
from mergekit_ext.outputs.turn_files import (
    shown_changes,
    turn_files,
    write_turn_files,
)


@dataclass(frozen=True)
class Mended:
    """What was done to a model.

    Args:
        notes: What could not be taken over.
        changes: A line for each setting and file; none where nothing had to change.
        line: What it ends on now, and whose template it has.
    """

    notes: tuple[str, ...]
    changes: tuple[str, ...]
    line: str


def mend_turns(folder: Path, donor: TurnEnds) -> Mended:
    """Give a model the end tokens, the generation settings and the template of another.

    All files change together or none does, and no weights are touched.

    Args:
        folder: The model's.
        donor: What it is to end its turns like.

    Raises:
        InputError: If the one cannot be read, the other says nothing of turns, or it
            ends them or writes its template with a token that the one does not have.
        OutputError: If the folder is the hub cache's, or cannot be written.
    """
    _check_folder(folder)
    recover(folder)
    own = read_turn_ends(str(folder), folder)
    if not own.config:
        raise InputError(
            next(iter(own.faults), f"Model {str(folder)!r} has no {CONFIG}.")
        )
    borrowed = _checked(donor, own)
    files = turn_files(borrowed, own)
    changes = tuple(shown_changes(borrowed, own))
    if files:
        with some_files_exchanged(folder) as workshop:
            shutil.copyfile(folder / CONFIG, workshop.result / PARTIAL)
            if any(name.startswith(MORE_TEMPLATES) for name in files):
                _copy_folder(folder / MORE_TEMPLATES, workshop.result / MORE_TEMPLATES)
            write_turn_files(workshop.result, files, PARTIAL)
            now = datetime.now(timezone.utc).isoformat(timespec="seconds")
            note = {"date": now, "like": donor.model, "changed": list(changes)}
            write_anew(folder, workshop.result, note)
    notes, template = [*own.faults, *borrowed.notes], "no chat template"
    if donor.template is not None and own.has_tokenizer:
        template = f"template of {Path(donor.model).name}"
    elif donor.template is not None:
        notes.append(f"{folder} has no tokenizer that could carry a chat template.")
    elif own.template is not None:
        template = "a template of its own"
        notes.append(
            f"{donor.model} has no chat template, and {folder} has one: name the"
            " instructed model in --like, if this is not it."
        )
    line = f"ends on {', '.join(borrowed.shown)}; {template}"
    return Mended(tuple(notes), changes, line)


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise InputError(
            f"{str(folder)!r} is no folder; what is on the hub cannot be mended, a copy"
            " of it can."
        )
    parents = Path(os.path.abspath(folder)), Path(os.path.realpath(folder))
    if any(
        path.parent.name == "snapshots" and path.parents[1].name.startswith("models--")
        for path in parents
    ):
        raise OutputError(
            f"{folder} is in the hub cache, which others read from and which must stay"
            f" as the hub has it. Mend a copy: cp -rL {folder} COPY"
        )


def _checked(donor: TurnEnds, own: TurnEnds) -> Borrowed:
    if donor.faults:
        raise InputError(donor.faults[0])
    if not donor.all_ids(EOS):
        raise InputError(
            f"Model {donor.model!r} says nowhere what it ends on: none of config.json,"
            " generation_config.json and tokenizer has an end token."
        )
    borrowed = borrow(donor, own)
    verb, lacking = "ends on", borrowed.lacking
    if not lacking:
        verb, lacking = "has a chat template that writes", borrowed.unwritable
    if lacking:
        raise InputError(
            f"Model {donor.model!r} {verb} {', '.join(lacking)}, which {own.model!r}"
            " has no token for: their vocabularies do not fit. Nothing was changed;"
            " merge again with tokenizer_source, which gives it the row."
        )
    return borrowed


def _copy_folder(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target)
