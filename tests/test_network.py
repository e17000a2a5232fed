from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import formatdate

import pytest
import requests

from lm_eval_iberian.network import (
    LONGEST,
    TRIES,
    asked_to_wait,
    passes,
    patiently,
    pause,
)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7), (" 0 ", 0), ("-1", None), ("soon", None), ("", None), ("٣", None),
     ("9" * 5000, 999999999)],
)  # fmt: skip
def test_retry_after_in_seconds(value: str, seconds: float | None) -> None:
    assert asked_to_wait({"retry-AFTER": value}) == seconds


def test_retry_after_as_a_date() -> None:
    later = asked_to_wait({"Retry-After": formatdate(time.time() + 50, usegmt=True)})
    assert later is not None
    assert 45 < later <= 50
    past = {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}
    assert asked_to_wait(past) == 0
    assert asked_to_wait({"Retry-After": "Wed, 99 Oct 99999 07:28:00 GMT"}) is None


def test_pauses_grow_and_end() -> None:
    waits = [pause(attempt, {}) for attempt in range(1, TRIES + 1)]
    assert waits == [0.5, 1.0, None]


def test_the_server_s_wish_wins_up_to_a_limit() -> None:
    assert pause(1, {"Retry-After": "9"}) == 9
    assert pause(1, {"Retry-After": "0"}) == 0.5
    assert pause(1, {"Retry-After": str(int(LONGEST) + 1)}) is None


def test_what_may_pass() -> None:
    known = (200, 401, 403, 404, 408, 410, 429, 500, 503, 599)
    assert [s for s in known if passes(s)] == [408, 429, 500, 503, 599]


def raising(*errors: Exception) -> Callable[[], str]:
    """Return what raises these one after the other, then answers."""
    left = list(errors)

    def ask() -> str:
        if left:
            raise left.pop(0)
        return "here"

    return ask


def answered(status: int, **headers: str) -> requests.HTTPError:
    reply = requests.Response()
    reply.status_code = status
    reply.headers.update(headers)
    return requests.HTTPError(response=reply)


PASSING = [
    requests.ConnectionError(),
    answered(503),
    answered(429, ratelimit="r=0;t=3"),
]


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr("time.sleep", found.append)
    return found


def test_what_may_pass_is_asked_again(waited: list[float]) -> None:
    assert patiently(raising(*PASSING[1:])) == "here"
    assert waited == [0.5, 3.0]
    with pytest.raises(requests.HTTPError):
        patiently(raising(*PASSING))


def test_what_will_not_pass_is_not(waited: list[float]) -> None:
    for error in (answered(404), answered(503, **{"Retry-After": "999"}), KeyError()):
        with pytest.raises(type(error)):
            patiently(raising(error))
    assert waited == []


def test_a_refusal_before_does_not_count(waited: list[float]) -> None:
    """The archive is asked because the hub has refused."""
    try:
        raise answered(403)
    except requests.HTTPError:
        assert patiently(raising(*PASSING[:2])) == "here"
