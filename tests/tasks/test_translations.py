"""The translation in an answer: after thoughts, the first line that is not empty."""

from __future__ import annotations

from typing import Any

import pytest

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.health import Generation
from lm_eval_iberian.paths import task_configs
from lm_eval_iberian.tasks.catalogue import read_config, shipped
from lm_eval_iberian.tasks.translations import scorer


SCORE = scorer(("es", "spa_Latn"), ("eu", "eus_Latn"))
DOC = {"sentence_eus_Latn": "Egun on."}

# answer, translation, whether a thought was never closed, why
ANSWERS: list[tuple[str | None, str, bool, str]] = [
    (" Kaixo, mundua.", "Kaixo, mundua.", False, "the delimiter is a blank"),
    ("Kaixo.\n\nEnglish sentence: Bye.", "Kaixo.", False, "a base model goes on"),
    ("Kaixo.\r\nAgur.", "Kaixo.", False, "line ends of Windows"),
    ("\n\n Kaixo.\n", "Kaixo.", False, "an instructed model begins with empty lines"),
    ("<think>\nHm.\n\nA: b\n</think>\n\nKaixo.", "Kaixo.", False, "a thought"),
    ("Hm.\n\nA: b\n</think>\n\nKaixo.", "Kaixo.", False, "opened in the prompt"),
    ("<think></think>Kaixo.\nAgur.", "Kaixo.", False, "an empty thought"),
    ("<think>a</think>\n<think>b</think>\nKaixo.", "Kaixo.", False, "two thoughts"),
    ("[THINK]a\nb[/THINK]Kaixo.", "Kaixo.", False, "Mistral's marks"),
    ("<think>\nThe sentence says", "", True, "the tokens were used up"),
    ("[THINK]\nThe sentence", "", True, "the same with Mistral's marks"),
    ("<think>a</think>\n<think>b", "", True, "the second is never closed"),
    ("<think>", "", True, "what a stop at a line end leaves"),
    ("<think>a</think>\n \n", "", False, "nothing after the thought"),
    ("", "", False, "nothing at all"),
    (" \n\t\n", "", False, "only white space"),
    (None, "", False, "a server may give null"),
    ("Idatzi <think> etiketa.", "Idatzi <think> etiketa.", False, "a mention"),
]


@pytest.mark.parametrize(("answer", "text", "unclosed", "why"), ANSWERS)
def test_the_translation_is_found(
    answer: str | None, text: str, unclosed: bool, why: str
) -> None:
    scores = SCORE({"sentence_spa_Latn": "Buenos días.", **DOC}, [answer])
    pair = ("Egun on.", text)
    assert scores["bleu"] == scores["chrf++"] == scores["ter"] == pair, why
    assert scores["empty_rate"] is (not text)
    assert scores["unclosed_thought_rate"] is unclosed


@pytest.mark.parametrize("answer", [7, ["Kaixo."], {"text": "Kaixo."}, b"Kaixo."])
def test_what_is_no_text_is_refused(answer: Any) -> None:
    with pytest.raises(DataError, match=r"must be text.*sentence 3"):
        SCORE({"id": 3, **DOC}, [answer])


@pytest.mark.parametrize("metric", ["bleu", "chrf_plus_plus", "ter"])
def test_a_line_scores_as_what_a_stop_at_the_line_end_left(metric: str) -> None:
    from lm_eval_iberian.tasks import translation_scores

    score = getattr(translation_scores, metric)
    answers = [" Chove moito hoxe.\nSpanish sentence: a", "Bo  día\t. \n\n", "Adeus"]
    references = ["Chove moito hoxe.", "Bo día.", "Ata logo."]
    cut = [answer.split("\n")[0] for answer in answers]
    docs = [{"sentence_spa_Latn": text, **DOC} for text in references]
    read = [
        SCORE(doc, [answer])["bleu"][1]
        for doc, answer in zip(docs, answers, strict=True)
    ]
    before = score(list(zip(references, cut, strict=True)))
    assert score(list(zip(references, read, strict=True))) == before


GENERATING = {
    entry.name: config
    for entry in shipped()
    if entry.kind == "task"
    and (config := read_config(entry.path))["output_type"] == "generate_until"
}


@pytest.mark.parametrize("name", GENERATING)
def test_no_generation_stops_inside_a_thought(name: str) -> None:
    """Any text may stand in a thought, a blank line and a label as well."""
    config = GENERATING[name]
    assert config["generation_kwargs"]["until"] == []
    metrics = {metric["metric"] for metric in config["metric_list"]}
    assert {"empty_rate", "unclosed_thought_rate", "off_language_rate"} <= metrics


def test_the_suites_report_what_was_no_translation() -> None:
    for path in (task_configs() / "suites").glob("merge_and_conquer_mt_*.yaml"):
        means = {m["metric"] for m in read_config(path)["aggregate_metric_list"]}
        assert {"bleu", "empty_rate", "unclosed_thought_rate"} <= means


def test_what_is_known_of_the_generation_counts() -> None:
    doc = {"sentence_spa_Latn": "Hoy ha llovido mucho en toda la costa.", **DOC}
    answer = "Gaur euri asko egin du kostalde"
    assert SCORE(doc, [answer])["first_line_cut_rate"] is False
    known = Generation(finish_reason="length")
    assert SCORE(doc, [answer], known)["first_line_cut_rate"] is True
