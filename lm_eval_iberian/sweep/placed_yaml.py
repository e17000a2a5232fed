"""YAML of which every value knows its line, for errors that say where."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lm_eval_iberian.errors import DataError, unknown_name


_MOST_VALUES = 100_000


class SweepSpecError(DataError):
    """A sweep's specification asks for something that does not exist or cannot be."""


@dataclass(frozen=True)
class Placed:
    """A value of a YAML file.

    Attributes:
        value: A scalar, or a list or a mapping of others of this class.
        file: The file's name.
        line: Where it stands, from 1.
    """

    value: Any
    file: str
    line: int

    def fault(self, text: str) -> SweepSpecError:
        """Return an error that says where it is."""
        return SweepSpecError(f"{self.file}, line {self.line}: {text}")

    def mapping(
        self, what: str, known: Collection[str], required: Collection[str] = ()
    ) -> dict[str, Placed]:
        """Return the values by their keys.

        Args:
            what: What a key is called in an error: ``"key of a suite"``.
            known: The keys there are; any where it is empty.
            required: The keys that must be there.

        Raises:
            SweepSpecError: It is no mapping, or has not these keys.
        """
        if not isinstance(self.value, dict):
            raise self.fault(f"a mapping of keys is wanted here ({what})")
        found: dict[str, Placed] = self.value
        for key, value in found.items():
            if known and key not in known:
                raise value.fault(unknown_name(what, key, known))
        for key in required:
            if key not in found:
                raise self.fault(f"the {what} {key!r} is missing")
        return found

    def entries(self, what: str) -> list[Placed]:
        """Return the values of a list that has some; of a scalar, the scalar alone.

        Raises:
            SweepSpecError: It is a mapping, or empty.
        """
        found = self.value if isinstance(self.value, list) else [self]
        if isinstance(self.value, dict) or not found:
            raise self.fault(f"a list of {what} is wanted here")
        return found

    def text(self, what: str) -> str:
        """Return a text.

        Raises:
            SweepSpecError: It is something else, or empty.
        """
        if not isinstance(self.value, str) or not self.value.strip():
            raise self.fault(f"{what} must be a text, found {self.plain()!r}")
        return self.value.strip()

    def number(self, what: str, least: int) -> int:
        """Return a whole number.

        Raises:
            SweepSpecError: It is something else, or less.
        """
        if type(self.value) is not int or self.value < least:
            raise self.fault(
                f"{what} must be a whole number from {least} on, found {self.plain()!r}"
            )
        return self.value

    def plain(self) -> Any:
        """Return the value without places."""
        if isinstance(self.value, dict):
            return {key: one.plain() for key, one in self.value.items()}
        if isinstance(self.value, list):
            return [one.plain() for one in self.value]
        return self.value


def read_placed(path: Path, *, as_written: bool = False) -> Placed:
    """Read a YAML file.

    Args:
        path: The file.
        as_written: Whether scalars are the texts that stand there: YAML takes
            ``4:00:00`` for a number.

    Raises:
        SweepSpecError: It cannot be read, is not YAML, or has a key twice.
    """
    try:
        text = path.read_text("utf-8")
        loader = yaml.SafeLoader(text)
        try:
            root = loader.get_single_node()
            if root is None:
                raise SweepSpecError(f"{path} is empty; keys with values are wanted")
            return _PlacedReader(loader, str(path), as_written).read(root)
        finally:
            loader.dispose()
    except OSError as error:
        raise SweepSpecError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SweepSpecError(f"{path} is not UTF-8: {error.reason}") from error
    except RecursionError as error:
        raise SweepSpecError(f"{path} holds a value that contains itself") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        why = getattr(error, "problem", None) or " ".join(str(error).split())
        raise SweepSpecError(f"{path}{where}: this is not YAML: {why}") from error


class _PlacedReader:
    def __init__(self, loader: yaml.SafeLoader, file: str, as_written: bool) -> None:
        self._loader, self._file, self._count = loader, file, 0
        self._as_written = as_written

    def read(self, node: yaml.Node) -> Placed:
        self._count += 1
        line = node.start_mark.line + 1
        if self._count > _MOST_VALUES:
            raise SweepSpecError(
                f"{self._file}, line {line}: more than {_MOST_VALUES} values"
            )
        if isinstance(node, yaml.SequenceNode):
            return Placed([self.read(one) for one in node.value], self._file, line)
        if isinstance(node, yaml.MappingNode):
            return Placed(self._pairs(node), self._file, line)
        value = node.value if self._as_written else self._loader.construct_object(node)
        return Placed(value, self._file, line)

    def _pairs(self, node: yaml.MappingNode) -> dict[str, Placed]:
        found: dict[str, Placed] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise SweepSpecError(f"{self._file}, line {line}: a key must be a text")
            # as it is written: YAML takes `no` for False
            name = str(key.value)
            if name in found:
                raise SweepSpecError(
                    f"{self._file}, line {line}: the key {name!r} is there twice"
                )
            read = self.read(value)
            # of a value that begins below, what is looked for is the key
            found[name] = Placed(read.value, self._file, line)
        return found
