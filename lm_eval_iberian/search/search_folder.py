"""A search's folder: what candidates did, a file for each look, whole or not there.

``search.json`` says what is searched, ``split.json`` which items are for what.
``candidates/NAME`` holds what was proposed, its recipe, and what it did at each look;
``instruct`` is one of them. ``held_out/NAME.json`` is what models of the front did on
the items that were held out. All else is made of these.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lm_eval_iberian import __version__
from lm_eval_iberian.errors import DataError
from lm_eval_iberian.files import write_first, write_whole
from lm_eval_iberian.search.candidate_items import CandidateItems, ItemRow
from lm_eval_iberian.search.item_split import Split, as_data, from_data
from lm_eval_iberian.sweep.sweep_cell import recipe_yaml
from mergekit_ext.outputs.folder_lock import locked


INSTRUCT = "instruct"
_FORMAT = 1
_SEARCH, _SPLIT = "search.json", "split.json"
# what a process has there before anything is written down
_OURS = {"locks", "log.txt"}
Rows = Mapping[str, Sequence[ItemRow]]


class SearchFolder:
    """The folder of a search.

    Args:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def journal(self) -> Path:
        """Where optuna's own tools find the study."""
        return self.path / "optuna_journal.log"

    @property
    def log(self) -> Path:
        """What lm-eval says."""
        return self.path / "log.txt"

    @contextmanager
    def claimed(self, what: str) -> Iterator[None]:
        """Be the one process that is at something: a candidate, by its name.

        Claims spare work. Between the nodes of a cluster there may be none, and then
        what is done twice is, for all, what was written down first.

        Raises:
            BlockingIOError: Another process is at it.
        """
        with locked(self.path / "locks" / what):
            yield

    @contextmanager
    def held(self) -> Iterator[None]:
        """Be the one process that drives the search.

        Raises:
            DataError: There is another.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            with locked(self.path / "locks" / "search"):
                yield
        except BlockingIOError as error:
            raise DataError(
                f"{self.path} is being searched by another process; wait for it, or end"
                " it"
            ) from error

    def begin(self, content: Mapping[str, Any], digest: str) -> None:
        """Write down what is searched, unless it is the same that is here already.

        Raises:
            DataError: The folder holds something else.
        """
        found = self._read(self.path / _SEARCH)
        if found is None:
            there = {one.name for one in self.path.iterdir()} - _OURS
            if there:
                raise DataError(
                    f"{self.path} holds other things; give a new folder with -o"
                )
            head = {"format": _FORMAT, "lm_eval_iberian": __version__, "search": digest}
            _write(self.path / _SEARCH, {**head, **content})
            return
        if found.get("search") != digest:
            raise DataError(
                f"{self.path} is the folder of another search, of {found.get('file')}"
                f" by lm-eval-iberian {found.get('lm_eval_iberian')}; give a new one"
                " with -o. Only how many candidates and items there are may be changed"
            )

    @property
    def content(self) -> dict[str, Any]:
        """What ``begin`` wrote."""
        found = self._read(self.path / _SEARCH)
        if found is None:
            raise DataError(
                f"{self.path} holds no {_SEARCH}: no search was begun there"
            )
        return found

    def split(self) -> Split | None:
        """Return how items were split, ``None`` where they have not been yet."""
        found = self._read(self.path / _SPLIT)
        return None if found is None else from_data(found["tasks"])

    def note_split(self, split: Split, seed: int, share: float) -> None:
        """Write down how items are split."""
        content = {"seed": seed, "development": share, "tasks": as_data(split)}
        _write(self.path / _SPLIT, content)

    def place(self, name: str) -> Path:
        """Return the folder of a candidate."""
        return self.path / "candidates" / name

    def recipe(self, name: str) -> Path:
        """Return where the recipe of a candidate is."""
        return self.place(name) / "recipe.yml"

    def proposed(self, name: str) -> dict[str, Any] | None:
        """Return the values of a candidate, ``None`` before it was proposed."""
        found = self._read(self.place(name) / "proposed.json")
        return None if found is None else dict(found)

    def note_proposed(
        self, name: str, values: Mapping[str, Any], recipe: Mapping[str, Any] | None
    ) -> None:
        """Write down what was proposed, and the recipe that it comes to."""
        self.place(name).mkdir(parents=True, exist_ok=True)
        if recipe is not None:
            write_whole(self.recipe(name), recipe_yaml(recipe))
        _write(self.place(name) / "proposed.json", dict(values))

    def look(self, name: str, at: int) -> Rows | None:
        """Return what a candidate did for a look, ``None`` before it has."""
        return self._rows(self.place(name) / f"look-{at}.json")

    def note_look(self, name: str, at: int, rows: Rows, seconds: float) -> Rows:
        """Write down what a candidate did for a look; return what was written first."""
        return self._note(self.place(name) / f"look-{at}.json", rows, seconds)

    def held_out(self, name: str) -> Rows | None:
        """Return what a model did on the items that were held out."""
        return self._rows(self.path / "held_out" / f"{name}.json")

    def note_held_out(self, name: str, rows: Rows, seconds: float) -> Rows:
        """Write down what a model did on them; return what was written first."""
        return self._note(self.path / "held_out" / f"{name}.json", rows, seconds)

    def failure(self, name: str) -> str | None:
        """Return why a candidate could not be evaluated."""
        found = self._read(self.place(name) / "error.json")
        return None if found is None else str(found["error"])

    def note_failure(self, name: str, error: str) -> str:
        """Write down why a candidate could not be; return what was written first."""
        write_first(self.place(name) / "error.json", _text({"error": error}))
        return self.failure(name) or error

    def _rows(self, path: Path) -> Rows | None:
        found = self._read(path)
        if found is None:
            return None
        return {
            task: [ItemRow(*row) for row in rows]
            for task, rows in found["items"].items()
        }

    def written(self, name: str) -> int:
        """Return how much has been written down of a candidate."""
        places = (self.place(name), self.path / "held_out")
        found = [one for place in places for one in place.glob("*.json")]
        return sum(one.parent == places[0] or one.stem == name for one in found)

    def _note(self, path: Path, rows: Rows, seconds: float) -> Rows:
        items = {
            task: [[one.key, one.cluster, dict(one.values)] for one in found]
            for task, found in rows.items()
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {"seconds": round(seconds, 3), "items": items}
        write_first(path, _text(content))
        return self._rows(path) or rows

    def _read(self, path: Path) -> dict[str, Any] | None:
        try:
            found = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise DataError(f"{path} is not JSON: {error}") from error
        if not isinstance(found, dict):
            raise DataError(f"{path} is not what a search writes")
        return found


def of_looks(name: str, looks: Sequence[Rows]) -> CandidateItems:
    """Return what a candidate did at several looks."""
    found = CandidateItems(name)
    for rows in looks:
        for task, some in rows.items():
            found.add(task, some)
    return found


def _write(path: Path, content: Mapping[str, Any]) -> None:
    write_whole(path, _text(content))


def _text(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"
