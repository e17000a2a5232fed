"""Pages of made comparisons, for the browser."""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle

from made_comparisons import choice_sample, compared, subject, written_sample

from lm_eval_iberian.comparison.comparing import ComparisonReport
from lm_eval_iberian.report import Note, Report


LONG = "luzea " * 175_000


def three_models() -> tuple[ComparisonReport, Report]:
    """Return a base and two merges with choices, answers and translations.

    Of 60 choices the base has 30 right: the first merge gains 20 and loses 10.
    """
    base = {"belebele_eu": 50.0, "xstorycloze_eu": 55.0, "ifeval_eu": 30.0}
    first = {**base, "belebele_eu": 66.0, "xstorycloze_eu": 54.0, "flores_en-eu": 9.5}
    second = {"belebele_eu": 9.5, "belebele_gl": 70.0, "ifeval_eu": 28.5}
    models = [
        subject("base", base),
        subject("org/merge-linear", first, {"method": "linear", "weight": "0.5"}),
        subject("org/merge-ties", second, {"method": "ties", "weight": "1"}),
    ]

    def choices(right: list[bool]) -> list[dict[str, object]]:
        return [
            choice_sample(
                at, f"adibidea {at % 4}\n\ngaldera {at}: zenbat?",
                ["bat", "bi", "hiru"], 1, 1 if one else 2,
            )
            for at, one in enumerate(right)
        ]  # fmt: skip

    def answers(texts: list[str], right: list[bool]) -> list[dict[str, object]]:
        return [
            written_sample(at, f"Idatzi {at}. testua komarik gabe.", text, one)
            for at, (text, one) in enumerate(zip(texts, right, strict=True))
        ]

    samples = {
        "base": {
            "belebele_eu": choices([True] * 30 + [False] * 30),
            "ifeval_eu": answers(["Bai, noski", "Bai", "Ez"], [False, True, True]),
        },
        "org/merge-linear": {
            "belebele_eu": choices(
                [True] * 20 + [False] * 10 + [True] * 20 + [False] * 10
            ),
            # the last verdict is not the one that is given now
            "ifeval_eu": answers(["Bai", LONG, "Ez, ez"], [True, True, True]),
        },
    }
    samples["base"]["ifeval_eu"][0] |= {"run_on_rate": True, "stop_rate": False}
    notes = [Note("mixed", "org/merge-ties", "it had other shots")]
    return compared(models, samples, notes)


def translations() -> tuple[ComparisonReport, Report]:
    """Return two models' translations: one is better, one worse, one the same."""
    written = [
        ("Kaixo mundua gaur", "Kaixo mundua gaur", "Kaixo mundua gaur"),
        ("Etxea handia da", "Etxea txikia da", "Etxea handia da"),
        ("Gaur hotz egiten du", "Gaur hotz egiten du", "Bero"),
    ]
    models = [
        subject("a", {"flores_en-eu": 20.0}),
        subject("b", {"flores_en-eu": 15.0}),
    ]

    def samples(place: int) -> list[dict[str, object]]:
        return [
            {
                "key": at,
                "doc": {},
                "target": texts[0],
                "arguments": {"gen_args_0": {"arg_0": f"English: {at}\nBasque:"}},
                "resps": [[f"{texts[place]}\nand more"]],
                "filtered_resps": [texts[place]],
                "bleu": [texts[0], texts[place]],
            }
            for at, texts in enumerate(written)
        ]

    found = {"a": {"flores_en-eu": samples(1)}, "b": {"flores_en-eu": samples(2)}}
    return compared(models, found)


def hostile_models(texts: list[str]) -> tuple[ComparisonReport, Report]:
    """Return models, prompts, answers, files and notes of texts that do something."""
    values = {"belebele_eu": 50.0, "ifeval_eu": 30.0}
    names = [f"{text}{at}" for at, text in enumerate(texts)]
    models = [
        subject(name, values, {"method": name, "role": name, name: name})
        for name in names[:4]
    ]
    samples = {
        one.name: {
            "belebele_eu": [
                choice_sample(at, text, [text, f"{text}2"], 0, (at + place) % 2)
                for at, text in enumerate(texts)
            ],
            "ifeval_eu": [
                written_sample(at, text, f"{text}{place}", bool((at + place) % 2))
                for at, text in enumerate(texts)
            ],
        }
        for place, one in enumerate(models)
    }
    notes = [Note(text, text, text) for text in texts]
    comparison, report = compared(models, samples, notes)
    rows = [
        replace(row, title=text, lang=text, mixed=text, note=text)
        for row, text in zip(comparison.rows, cycle(texts), strict=False)
    ]
    return replace(comparison, rows=tuple(rows)), report
