"""What a task of ours knows of its answers' generation, and what it does without."""

from __future__ import annotations

from typing import Any

import pytest

from lm_eval_iberian._bootstrap import _warned
from lm_eval_iberian.harness.building import build, open_suites


class Tokenizer:
    all_special_tokens = ("<@end@>", "<s>", 7)

    def encode(self, text: str, *, add_special_tokens: bool) -> list[str]:
        assert not add_special_tokens
        return text.split()


class Model:
    """A model as a task comes to see it: by the method that lm-eval hands over."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer

    def apply_chat_template(self, messages: Any, **_: Any) -> str:
        return str(messages)


def score(
    answer: str, model: Model | None, limit: int = 20, **settings: Any
) -> dict[str, Any]:
    manager, (leaf,) = open_suites(["iberian_ifeval_eu_mini"])
    task = build(manager, leaf)
    settings["max_gen_toks"] = limit
    task.set_config("generation_kwargs", settings, update=True)
    template = model and model.apply_chat_template
    task.build_all_requests(
        limit=1, apply_chat_template=bool(model), chat_template=template
    )
    found: dict[str, Any] = task.process_results(task.eval_docs[0], [answer])
    return found


TWENTY = "Mendira joan ginen atzo arratsaldean, eta " * 3 + "euria egin zuen."


@pytest.mark.parametrize(("limit", "cut"), [(20, True), (40, False)])
def test_tokens_are_counted_by_the_model_s_tokenizer(limit: int, cut: bool) -> None:
    found = score(TWENTY, Model(Tokenizer()), limit)
    assert found["no_stop_rate"] is cut
    assert found["stop_rate"] is not cut


def test_the_model_s_own_marks_are_known() -> None:
    answer = "Kaixo, lagun!<@end@>\nEta zuk?"
    assert score(answer, Model(Tokenizer()))["run_on_rate"] is True
    assert score(answer, None)["run_on_rate"] is False
    assert score("Kaixo, lagun!<@end@>", Model(Tokenizer()))["run_on_rate"] is False


def test_without_a_tokenizer_the_text_s_end_tells() -> None:
    assert score(TWENTY, None)["no_stop_rate"] is False
    assert score(TWENTY, Model(None))["no_stop_rate"] is False


def test_a_tokenizer_of_another_kind_is_one_warning() -> None:
    _warned.clear()
    with pytest.warns(RuntimeWarning, match="to count tokens for no_stop_rate"):
        assert score(TWENTY, Model(object()))["no_stop_rate"] is False


def test_another_s_scoring_over_our_template_is_called_as_upstream_does() -> None:
    manager, (leaf,) = open_suites(["iberian_ifeval_eu_mini"])
    task = build(manager, leaf)
    task.set_config("process_results", lambda doc, results: {"own": len(results)})
    task.build_all_requests(limit=1)
    assert task.process_results(task.eval_docs[0], ["Kaixo"]) == {"own": 1}


@pytest.mark.parametrize(("until", "cut"), [([], True), ([".\n"], False), ("!", False)])
def test_a_stop_string_may_have_taken_the_full_stop(until: Any, cut: bool) -> None:
    answer = "Mendira joan ginen. " + "Gero, berriz, itsasora jaitsi ginen denok. " * 3
    answer += " ".join(
        f"Eta {n}. egunean beste herri batera joan ginen." for n in range(9)
    )
    answer += " Azkenean, oso nekatuta, etxera itzuli ginen gau ilunean"
    assert score(answer, None, until=until)["no_stop_rate"] is cut
