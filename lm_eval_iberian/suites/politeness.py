"""How the hub is asked: under our name, again after a while, never for too long."""

from __future__ import annotations

import os
from typing import Any

from lm_eval_iberian.backoff import (
    LONGEST,
    USER_AGENT,
    asked_to_wait,
    passes,
    pause,
    say_waiting,
)
from lm_eval_iberian.errors import DataUnavailableError
from lm_eval_iberian.suites.refusal import status_code


def introduce() -> None:
    """Say to every server who is asking; to be called before either is imported."""
    os.environ.setdefault("HF_HUB_USER_AGENT_ORIGIN", USER_AGENT)
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TQDM_DISABLE", "1")  # one set of bars is enough
    for name in ("HF_HUB_VERBOSITY", "DATASETS_VERBOSITY"):
        os.environ.setdefault(name, "error")


def wait_for(error: Exception, attempt: int) -> float | None:
    """Return how long to wait where the fault may pass, else None."""
    one: BaseException | None = error
    while one is not None:
        code = status_code(one)
        if code is not None:
            headers = getattr(getattr(one, "response", None), "headers", {})
            return pause(attempt, headers) if passes(code) else None
        one = one.__cause__ or one.__context__
    module = type(error).__module__.partition(".")[0]
    return pause(attempt, {}) if module.startswith("httpx") else None


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


def _refuse_long_waits(response: Any) -> None:
    if response.status_code not in (429, 503):
        return
    wait = asked_to_wait(response.headers)
    if wait is not None and wait > LONGEST:
        raise DataUnavailableError(
            f"The server asks to wait {wait:.0f} seconds (HTTP {response.status_code}):"
            " run this again later; what is whole is kept"
        )
    say_waiting(str(response.url), response.headers)
