from __future__ import annotations

import importlib

import pytest
from huggingface_hub import errors as hub
from huggingface_hub import get_session

from lm_eval_iberian.errors import DataError, DataUnavailableError
from lm_eval_iberian.suites.refusal import DamagedError, refusal


# the hub's client has changed its package more than once
CLIENT = importlib.import_module(type(get_session()).__module__.partition(".")[0])


def answer(kind: type[Exception], status: int) -> Exception:
    """Return one of the hub's own errors."""
    request = CLIENT.Request("GET", "https://huggingface.co/datasets/own/a")
    reply = CLIENT.Response(status, request=request)
    return kind("why", response=reply)  # type: ignore[call-arg]


def caused(error: Exception, by: Exception) -> Exception:
    error.__cause__ = by
    return error


CASES = [
    (answer(hub.GatedRepoError, 403), "gated"),
    (answer(hub.GatedRepoError, 401), "gated"),
    (answer(hub.RepositoryNotFoundError, 401), "gated"),
    (answer(hub.RepositoryNotFoundError, 404), "gone"),
    (answer(hub.RevisionNotFoundError, 404), "gone"),
    (answer(hub.RemoteEntryNotFoundError, 404), "gone"),
    (answer(hub.DisabledRepoError, 403), "gone"),
    (answer(hub.HfHubHTTPError, 403), "gated"),
    (answer(hub.HfHubHTTPError, 500), "no network"),
    (answer(hub.HfHubHTTPError, 429), "no network"),
    (hub.OfflineModeIsEnabled("offline"), "no network"),
    (CLIENT.ConnectTimeout("slow"), "no network"),
    (ConnectionError("Couldn't reach it"), "no network"),
    (ValueError("Couldn't find cache for own/a for config 'eu'"), "no network"),
    (ValueError("BuilderConfig 'x' not found. Available: ['y']"), "changed schema"),
    (RuntimeError("Dataset scripts are no longer supported, but found a.py"), "gone"),
    (DataError("no column 'q'"), "changed schema"),
    (DamagedError("another SHA-256"), "damaged"),
    (DataUnavailableError("not there (HTTP 403)"), "gated"),
    (DataUnavailableError("not there (HTTP 404)"), "gone"),
    (DataUnavailableError("not there (HTTP 503)"), "no network"),
    (DataUnavailableError("not there"), "no network"),
    (
        caused(DataUnavailableError("ours"), answer(hub.GatedRepoError, 403)),
        "gated",
    ),
    (
        caused(FileNotFoundError("x"), answer(hub.RevisionNotFoundError, 404)),
        "gone",
    ),
    (OSError(28, "No space left on device"), "failed"),
    (KeyError("question"), "failed"),
]


@pytest.mark.parametrize(
    ("error", "status"), CASES, ids=[f"{type(e).__name__} {s}" for e, s in CASES]
)
def test_the_word_for_it(error: Exception, status: str) -> None:
    found = refusal(error, "own/a")
    assert found.status == status
    assert found.sentence
    assert found.sentence.isprintable()


def test_our_own_sentence_wins() -> None:
    error = caused(DataUnavailableError("ask here"), answer(hub.GatedRepoError, 403))
    assert refusal(error, "own/a").sentence == "ask here"


def test_what_a_server_wrote_is_shown_and_not_obeyed() -> None:
    found = refusal(RuntimeError("a\x1b[2J\r\n[red]b" + "x" * 10_000), "own/a")
    assert r"a\x1b[2J [red]b" in found.sentence
    assert len(found.sentence) < 400


def test_the_import_that_is_broken_is_named() -> None:
    with pytest.raises(ImportError) as caught:
        from transformers.data.metrics import nothing  # type: ignore  # noqa: F401
    found = refusal(RuntimeError().with_traceback(None), "own/a")
    assert found.status == "failed"
    found = refusal(caused(RuntimeError("in a task"), caught.value), "own/a")
    assert found.status == "broken"
    assert "transformers.data.metrics" in found.sentence
    assert "which transformers " in found.sentence
    missing = ModuleNotFoundError("No module named 'iso639'", name="iso639")
    assert "pip install iso639" in refusal(missing, "own/a").sentence
