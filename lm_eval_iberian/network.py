"""How the network is used: not where it is forbidden, under our name, with patience."""

from __future__ import annotations

import email.utils
import logging
import os
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

from lm_eval_iberian import __version__
from lm_eval_iberian.errors import DataUnavailableError, causes


Found = TypeVar("Found")
USER_AGENT = f"lm-eval-iberian/{__version__}"
TRIES = 3
LONGEST = 120.0  # seconds; whoever is asked to wait longer is told, and does not wait
# the hub's library takes the third for the first
_OFFLINE = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE")
CHECKING = "LM_EVAL_IBERIAN_CHECKING"  # set in the processes of a check-up
_FIRST = 0.5
_SPENT = re.compile(r"\br=0;t=([0-9]{1,9})\b")
_LOG = logging.getLogger(__name__)
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


def offline() -> str | None:
    """Return the variable that forbids the network, if one does."""
    truthy = {"1", "true", "yes", "on"}
    return next((v for v in _OFFLINE if os.environ.get(v, "").lower() in truthy), None)


def out_of_reach() -> str | None:
    """Word why what is missing is not fetched; None where the network may be used."""
    if os.environ.get(CHECKING):
        return "not in the cache (this check never uses the network)"
    forbids = offline()
    return f"not in the cache, and {forbids} is set" if forbids else None


def introduce() -> None:
    """Say to the hub who is asking; to be called before its libraries are imported."""
    os.environ.setdefault("HF_HUB_USER_AGENT_ORIGIN", USER_AGENT)
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TQDM_DISABLE", "1")  # one set of bars is enough
    for name in ("HF_HUB_VERBOSITY", "DATASETS_VERBOSITY"):
        os.environ.setdefault(name, "error")


def patiently(ask: Callable[[], Found], address: str = "") -> Found:
    """Ask a server, and again where the fault may pass, three times in all.

    Args:
        ask: Raises what ``requests`` or the hub's client does.
        address: Where, to be named when it asks to wait; not needed after
            ``be_patient``, which says so by itself.

    Raises:
        Exception: What ``ask`` raised the last time.
    """
    attempt = 0
    while True:
        attempt += 1
        try:
            return ask()
        except Exception as error:
            headers = _if_it_may_pass(error)
            wait = None if headers is None else pause(attempt, headers)
            if headers is None or wait is None:
                raise
        if address:
            _say_waiting(address, headers)
        time.sleep(wait)


def be_patient() -> None:
    """Let the hub's client give up where it is told to wait for very long.

    By itself it would sleep for as long as any server asks.
    """
    from huggingface_hub import get_session

    client = get_session()
    hooks = getattr(client, "event_hooks", None)
    if hooks is None or _refuse_long_waits in hooks.get("response", ()):
        return
    client.event_hooks = hooks | {
        "response": [*hooks.get("response", ()), _refuse_long_waits]
    }


def passes(status: int) -> bool:
    """Whether an HTTP status is a fault that may pass by itself."""
    return status in _PASSING or status >= 500


def status_code(error: BaseException) -> int | None:
    """Return the HTTP status of the fault that an error carries, where it does."""
    code = getattr(getattr(error, "response", None), "status_code", None)
    return code if isinstance(code, int) and code >= 400 else None


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


def _if_it_may_pass(error: Exception) -> Mapping[str, str] | None:
    """Return what a server answered beside its fault, None where that will not pass."""
    client = type(error).__module__.partition(".")[0]
    # the hub's libraries wrap what their client raises, requests is asked directly
    for one in (error,) if client == "requests" else causes(error):
        code = status_code(one)
        if code is not None:
            headers = getattr(getattr(one, "response", None), "headers", {})
            return headers if passes(code) else None
    return {} if client == "requests" or client.startswith("httpx") else None


def _say_waiting(address: str, headers: Mapping[str, str]) -> None:
    """Say that a server asks to wait, where it does: silence looks like a fault."""
    wanted = asked_to_wait(headers)
    if wanted:
        host = urlsplit(address).netloc
        _LOG.warning("%s asks to wait %.0f s before the next try", host, wanted)


def _refuse_long_waits(response: Any) -> None:
    if response.status_code not in (429, 503):
        return
    wait = asked_to_wait(response.headers)
    if wait is not None and wait > LONGEST:
        raise DataUnavailableError(
            f"The server asks to wait {wait:.0f} seconds (HTTP {response.status_code}):"
            " run this again later; what is whole is kept"
        )
    _say_waiting(str(response.url), response.headers)
