"""How long to wait before a server is asked again, and who says it is asking."""

from __future__ import annotations

import email.utils
import logging
import re
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from lm_eval_iberian import __version__


USER_AGENT = f"lm-eval-iberian/{__version__}"
TRIES = 3
LONGEST = 120.0  # seconds; whoever is asked to wait longer is told, and does not wait
_FIRST = 0.5
_SPENT = re.compile(r"\br=0;t=([0-9]{1,9})\b")
_LOG = logging.getLogger(__name__)
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


def passes(status: int) -> bool:
    """Whether an HTTP status is a fault that may pass by itself."""
    return status in _PASSING or status >= 500


def asked_to_wait(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server wants to be left alone, where it says so.

    In ``Retry-After`` (a number or a date), or as the hub does in ``ratelimit``.
    """
    lower = {key.lower(): value for key, value in headers.items()}
    value = lower.get("retry-after", "").strip()
    spent = _SPENT.search(lower.get("ratelimit", ""))
    if not value and spent:
        value = spent[1]
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        when = email.utils.parsedate_to_datetime(value)
        return max(0.0, when.timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None


def pause(attempt: int, headers: Mapping[str, str]) -> float | None:
    """Return the seconds to wait after the n-th try (from 1), or None to give up.

    Doubles from half a second; what the server asks for wins, up to ``LONGEST``.
    """
    if attempt >= TRIES:
        return None
    wanted = asked_to_wait(headers)
    if wanted is not None and wanted > LONGEST:
        return None
    return max(_FIRST * 2.0 ** (attempt - 1), wanted or 0.0)


def say_waiting(address: str, headers: Mapping[str, str]) -> None:
    """Say that a server asks to wait, where it does: silence looks like a fault."""
    wanted = asked_to_wait(headers)
    if wanted:
        host = urlsplit(address).netloc
        _LOG.warning("%s asks to wait %.0f s before the next try", host, wanted)
