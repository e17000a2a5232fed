"""SIGTERM unwinds a merge as an interrupt does; the process still dies of it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


# what asks a process to end and would end it on the spot; no SIGHUP on Windows
_SIGNALS = [getattr(signal, n) for n in ("SIGTERM", "SIGHUP") if hasattr(signal, n)]


class Terminated(BaseException):
    """The process was asked to end; not to be caught for good."""


class _State:
    """What has been received, and how many ask not to be disturbed by it."""

    received: int | None = None
    held = 0
    raised = False


@contextmanager
def unwound_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise ``Terminated`` in the body, then end the process.

    Only the main thread can, and only where nobody has a handler of their own: a host
    that has one, or ignores the signal, goes on as it would without this.
    """
    mine = threading.current_thread() is threading.main_thread()
    taken = [s for s in _SIGNALS if mine and signal.getsignal(s) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, _receive)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)
        if taken and _State.received is not None:
            number, _State.received, _State.raised = _State.received, None, False
            os.kill(os.getpid(), number)
            raise SystemExit(128 + number)  # no signal ends the first of a container


@contextmanager
def held() -> Iterator[None]:
    """Let the body come to its end first; of the main thread alone."""
    mine = threading.current_thread() is threading.main_thread()
    _State.held += mine
    try:
        yield
    finally:
        _State.held -= mine
        if mine and not _State.held:
            _raise_once()


def _receive(number: int, frame: FrameType | None) -> None:
    _State.received = number
    if not _State.held:
        _raise_once()


def _raise_once() -> None:
    if _State.received is not None and not _State.raised:
        _State.raised = True
        raise Terminated
