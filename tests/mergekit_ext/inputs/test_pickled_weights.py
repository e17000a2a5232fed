"""Pickles are opened one at a time: mergekit changes pickle itself meanwhile."""

from __future__ import annotations

import pickle
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from mergekit.io.loader import LazyPickleLoader

from mergekit_ext.inputs.pickled_weights import opened_in_turn


def test_mergekit_opens_them_in_turn_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save({"a": torch.zeros(3)}, tmp_path / "model.bin")
    before = pickle.Unpickler, pickle.load, LazyPickleLoader.__init__
    first, inside, most = threading.Event(), [], [0]

    def load(*args: Any, **options: Any) -> Any:
        inside.append(1)
        most[0] = max(most[0], len(inside))
        first.set()
        slow.wait(0.3)
        inside.pop()
        return {}

    slow = threading.Event()
    monkeypatch.setattr(torch, "load", load)
    paths = [str(tmp_path / "model.bin")] * 3
    with opened_in_turn():
        threads = [threading.Thread(target=LazyPickleLoader, args=(p,)) for p in paths]
        for thread in threads:
            thread.start()
        assert first.wait(10)
        for thread in threads:
            thread.join(10)
    assert most == [1]
    assert (pickle.Unpickler, pickle.load, LazyPickleLoader.__init__) == before
