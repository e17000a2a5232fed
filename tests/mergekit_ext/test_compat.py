"""What happens with a mergekit that this package does not know."""

from __future__ import annotations

import types
from importlib.metadata import PackageNotFoundError
from typing import Any

import pytest

from mergekit_ext import attach, compat
from mergekit_ext.errors import CompatError, MergeError


def module(**attributes: Any) -> types.ModuleType:
    fake = types.ModuleType("mergekit.merge")
    vars(fake).update(attributes)
    return fake


@pytest.mark.parametrize("found", ["0.1.5", "0.1.9.dev3", "0.1"])
def test_knows_its_series(found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compat, "version", lambda _: found)
    compat.check_mergekit()


@pytest.mark.parametrize("found", ["0.2.0", "1.1.0", "0.10.1"])
def test_refuses_another(found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compat, "version", lambda _: found)
    with pytest.raises(CompatError, match=f"mergekit {found} is installed"):
        attach.guard_run_merge(module(run_merge=lambda: None))


def test_says_that_mergekit_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(compat, "version", absent)
    with pytest.raises(CompatError, match="not installed"):
        compat.check_mergekit()


def test_says_what_has_moved() -> None:
    with pytest.raises(CompatError, match=r"has no mergekit.merge.run_merge, which"):
        attach.guard_run_merge(module())


def test_says_that_a_signature_has_changed() -> None:
    fake = module(run_merge=lambda config, out: None)
    with pytest.raises(CompatError, match="run_merge no longer takes"):
        attach.guard_run_merge(fake)


def test_errors_are_those_a_caller_would_catch() -> None:
    assert issubclass(CompatError, ImportError)
    assert issubclass(CompatError, MergeError)
