"""Read TOML, the format of every catalogue here, with errors that name the file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from lm_eval_iberian.errors import DataError


if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def read_toml(path: Path) -> dict[str, Any]:
    """Return the content of a TOML file.

    Raises:
        DataError: It is missing or not TOML, with file and place.
    """
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is not TOML: {error}") from error
