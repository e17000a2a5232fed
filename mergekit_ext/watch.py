"""How a merge tells what it is doing, to whoever watches."""

from __future__ import annotations

import logging


class Watch:
    """Hears how a merge goes; this one only passes notes on to the log.

    ``advance`` is called from several threads.
    """

    def phase(self, name: str, total: int | None = None, unit: str = "") -> None:
        """Begin a phase.

        Args:
            name: What is done now.
            total: How much of it there is, if that is known.
            unit: ``"bytes"``, ``"tensors"`` or ``"files"``.
        """

    def advance(self, count: int, done: str = "") -> None:
        """Hear that so much more of the phase is done.

        Args:
            count: How much, in the unit of the phase.
            done: What was finished with it, if anything was.
        """

    def note(self, sentence: str) -> None:
        """Hear what the user should know and what is no error."""
        logging.getLogger("mergekit_ext").warning(sentence)
