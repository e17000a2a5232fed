from __future__ import annotations

import pytest

from lm_eval_iberian.errors import IberianError, UnknownNameError


def test_an_unknown_name_comes_with_the_nearest_and_all() -> None:
    error = UnknownNameError("language", "eus", ["gl", "eu"])
    assert str(error) == ("Unknown language 'eus'. Did you mean eu? Available: eu, gl.")


def test_a_name_in_another_case_is_the_nearest() -> None:
    names = ["IFEval EU", "IFEval GL", "IFEval PT", "IFEval XX"]
    error = str(UnknownNameError("score", "IFEval gl", names))
    assert "Did you mean IFEval GL, " in error


def test_nothing_near_is_not_guessed() -> None:
    assert "Did you mean" not in str(UnknownNameError("topic", "zzz", ["abc"]))
    assert str(UnknownNameError("topic", "a", [])).endswith("Available: none.")


def test_it_is_the_builtin_a_caller_catches() -> None:
    with pytest.raises(KeyError):
        raise UnknownNameError("task", "a", [])
    assert issubclass(UnknownNameError, IberianError)


def test_of_very_many_names_the_first_are_listed() -> None:
    names = [f"task{number:03}" for number in range(50)]
    error = str(UnknownNameError("topic", "zzz", names))
    assert error.endswith("task038, task039 and 10 more.")
