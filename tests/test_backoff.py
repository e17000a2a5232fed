from __future__ import annotations

import time
from email.utils import formatdate

import pytest

from lm_eval_iberian.backoff import LONGEST, TRIES, asked_to_wait, passes, pause


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
