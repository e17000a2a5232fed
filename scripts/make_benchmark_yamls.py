"""Write the task YAMLs of the benchmarks: `make_benchmark_yamls.py`.

Some ninety files that differ in a language or two; a test compares them with this.
What a family has in common stands in its template, which is written by hand.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any


ROOT = Path(__file__).resolve().parent.parent / "task_configs"
VERSION = 1.0
FLORES_VERSION = 1.1
SHOTS = 5
LANGUAGES = {
    "eu": "Basque",
    "gl": "Galician",
    "ca": "Catalan",
    "es": "Spanish",
    "en": "English",
}
CODES = {
    "eu": "eus_Latn",
    "gl": "glg_Latn",
    "ca": "cat_Latn",
    "es": "spa_Latn",
    "en": "eng_Latn",
}
DIRECTIONS = [
    "es-eu", "en-eu", "es-gl", "en-gl", "es-ca", "en-ca", "eu-es",
    "gl-es", "ca-es", "en-es", "eu-en", "gl-en", "ca-en", "es-en",
]  # fmt: skip
# columns, the question as lm-eval has it, the two answers, the splits
COLA = {
    "gl": (
        ("sentence", "label"),
        "Pregunta: Ten sentido esta frase?\nResposta:",
        ("non", "si"),
        "test",
    ),
    "ca": (
        ("Sentence", "Label"),
        "Pregunta: Té sentit aquesta frase?\nResposta:",
        ("no", "sí"),
        "validation",
    ),
    "es": (
        ("Sentence", "Label"),
        "Pregunta: ¿Tiene sentido esta frase?\nRespuesta:",
        ("no", "sí"),
        "validation",
    ),
    "en": (
        ("sentence", "label"),
        "Question: Does this sentence make sense?\nAnswer:",
        ("no", "yes"),
        "validation",
    ),
}
COLA_NAMES = {"gl": "GalCoLA", "ca": "CatCoLA", "es": "EsCoLA", "en": "CoLA"}
# how a passage, a question and an answer are announced
PAPER = ("P", "Q", "Answer")
NATIVE = {
    "eu": ("Testua", "Galdera", "Erantzuna"),
    "gl": ("Texto", "Pregunta", "Resposta"),
    "ca": ("Text", "Pregunta", "Resposta"),
    "es": ("Texto", "Pregunta", "Respuesta"),
    "en": ("Passage", "Question", "Answer"),
}
BERTAQA = {"eu": ("Galdera", "Erantzuna"), "en": ("Question", "Answer")}
CHOICE_SUITES = {
    "eu": [
        "iberian_belebele_eu",
        "eus_reading",
        "xstorycloze_eu",
        "eus_proficiency",
        "iberian_bertaqa_eu_local",
        "eus_trivia",
        "iberian_eus_exams_eu",
    ],
    "gl": [
        "iberian_belebele_gl",
        "xstorycloze_gl",
        "iberian_cola_gl",
        "openbookqa_gl",
        "iberian_parafrases_gl",
    ],
    "ca": ["iberian_belebele_ca", "xstorycloze_ca", "iberian_cola_ca", "openbookqa_ca"],
    "es": ["iberian_belebele_es", "xstorycloze_es", "iberian_cola_es", "openbookqa_es"],
    "en": ["iberian_belebele_en", "xstorycloze_en", "iberian_bertaqa_en_local"],
}
Config = dict[str, Any]


class Function(str):
    """The name of a function, which YAML writes after a tag."""


def files() -> dict[Path, str]:
    """Return what every generated file holds."""
    found: dict[Path, str] = {}
    makers = (cola, belebele, flores, bertaqa, minis_of_upstream, single, suites)
    for maker in makers:
        for folder, config in maker():
            name = config.get("task") if "group" not in config else config["group"]
            found[ROOT / folder / f"{name}.yaml"] = text(config)
    return found


def text(config: Config) -> str:
    """Return a configuration as YAML, its keys in their order."""
    return "\n".join(_lines(config, 0)) + "\n"


def _lines(config: Config, depth: int) -> Iterator[str]:
    pad = "  " * depth
    for key, value in config.items():
        if isinstance(value, dict):
            yield f"{pad}{key}:"
            yield from _lines(value, depth + 1)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            yield f"{pad}{key}:"
            for item in value:
                first, *rest = _lines(item, depth + 2)
                yield f"{pad}  - {first.strip()}"
                yield from rest
        elif isinstance(value, list) and key == "task":
            yield f"{pad}{key}:"
            yield from (f"{pad}  - {item}" for item in value)
        else:
            yield f"{pad}{key}: {_scalar(key, value)}"


def _scalar(key: str, value: Any) -> str:
    if isinstance(value, Function):
        return f"!function {value}"
    bare = key in ("task", "group", "include", "metric", "description", "aggregation")
    plain = isinstance(value, str) and value.replace("_", "").isalnum()
    if isinstance(value, str) and (bare or plain) and ": " not in value:
        return value
    return json.dumps(value, ensure_ascii=False)


def task(include: str, name: str, about: str, **config: Any) -> Config:
    """Return a task on a template or on another task."""
    about_it = {"version": VERSION, "description": about}
    return {"include": include, "task": name, **config, "metadata": about_it}


def group(
    name: str, about: str, members: list[Any], means: Iterable[str] = ()
) -> Config:
    """Return a group; the means are plain ones over its tasks."""
    config: Config = {"group": name, "task": members}
    metrics = [
        {"metric": metric, "aggregation": "mean", "weight_by_size": False}
        for metric in means
    ]
    if metrics:
        config["aggregate_metric_list"] = metrics
    return config | {"metadata": {"version": VERSION, "description": about}}


def with_mini(real: Config, about: str) -> Iterator[Config]:
    """Yield a task and its twin on shipped data."""
    yield real
    name, kwargs = real["task"], real["dataset_kwargs"]
    mini = kwargs | {"which": "mini"}
    yield task(f"{name}.yaml", f"{name}_mini", about, dataset_kwargs=mini)


def kwargs(family: str, lang: str, which: str = "hub") -> dict[str, str]:
    """Return what the loader is asked for."""
    return {"dataset": family, "lang": lang, "which": which}


def cola() -> Iterator[tuple[str, Config]]:
    """Yield CoLA in four languages, minimal pairs in Basque."""
    real = task(
        "_minimal_pairs_template_yaml",
        "iberian_cola_eu",
        "BL2MP, Basque minimal pairs from essays of learners; there is no Basque CoLA",
        dataset_kwargs=kwargs("cola", "eu"),
    )
    about = "60 Basque minimal pairs, shipped; there is no Basque CoLA"
    yield from (("cola", config) for config in with_mini(real, about))
    for lang, ((sentence, label), question, answers, split) in COLA.items():
        real = task(
            "_cola_template_yaml",
            f"iberian_cola_{lang}",
            f"{COLA_NAMES[lang]}, {LANGUAGES[lang]} sentences to judge, acc and MCC",
            test_split=split,
            doc_to_text=f"{{{{{sentence}}}}}\n{question}",
            doc_to_target=label,
            doc_to_choice=list(answers),
            dataset_kwargs=kwargs("cola", lang),
        )
        about = (
            f"110 {LANGUAGES[lang]} sentences to judge, of 55 minimal pairs, shipped"
        )
        yield from (("cola", config) for config in with_mini(real, about))
    about = "Acceptability in five languages; no mean, as Basque is measured otherwise"
    yield from groups("cola", [f"iberian_cola_{lang}" for lang in LANGUAGES], about)


def belebele() -> Iterator[tuple[str, Config]]:
    """Yield Belebele with the paper's scaffold and with one in the language."""
    for ending in ("", "_native"):
        names = []
        for lang, language in LANGUAGES.items():
            words = NATIVE[lang] if ending else PAPER
            split = "train" if lang == "gl" else "test"
            how = (
                f"prompted in {language}" if ending else "the paper's English scaffold"
            )
            names.append(f"iberian_belebele_{lang}{ending}")
            real = task(
                "_belebele_template_yaml",
                names[-1],
                f"Belebele in {language}, {how}",
                test_split=split,
                fewshot_split=split,
                doc_to_text=passage(*words),
                dataset_kwargs=kwargs("belebele", lang),
            )
            about = f"24 {language} questions on 12 passages, {how}, shipped"
            yield from (("belebele", config) for config in with_mini(real, about))
        how = (
            "each prompted in its language"
            if ending
            else "the paper's English scaffold"
        )
        about = f"Belebele in five languages, {how}"
        yield from groups(f"belebele{ending}", names, about, "belebele", ["acc"])


def passage(text: str, question: str, answer: str) -> str:
    """Return the prompt of a question on a passage with four answers."""
    letters = "\n".join(f"{x}: {{{{mc_answer{i}}}}}" for i, x in enumerate("ABCD", 1))
    return (
        f"{text}: {{{{flores_passage}}}}\n{question}: {{{{question.strip()}}}}\n"
        f"{letters}\n{answer}:"
    )


def flores() -> Iterator[tuple[str, Config]]:
    """Yield the paper's 14 directions."""
    names = []
    for direction in DIRECTIONS:
        source, target = direction.split("-")
        arrow = f"{LANGUAGES[source]} to {LANGUAGES[target]}"
        names.append(f"iberian_flores_{direction}")
        real = task(
            "_flores_template_yaml",
            names[-1],
            f"Flores-200 devtest, {arrow}: BLEU, chrF++, TER",
            doc_to_text=(
                f"{LANGUAGES[source]} sentence: {{{{sentence_{CODES[source]}}}}}\n"
                f"{LANGUAGES[target]} sentence:"
            ),
            doc_to_target=f"{{{{sentence_{CODES[target]}}}}}",
            process_results=Function(f"utils.into_{target}"),
            dataset_kwargs=kwargs("flores", "all"),
        )
        about = f"30 sentences, {arrow}, shipped"
        for config in with_mini(real, about):
            if config["task"].endswith("_mini"):
                config["generation_kwargs"] = generation(96)
            config["metadata"]["version"] = FLORES_VERSION
            yield "flores", config
    about = "Translation in the 14 directions of Merge and Conquer"
    yield from groups("flores", names, about)


def generation(tokens: int) -> Config:
    """Return how a sentence is generated, in so many tokens."""
    settings = {"until": [], "do_sample": False, "temperature": 0.0}
    return {**settings, "max_gen_toks": tokens}


def bertaqa() -> Iterator[tuple[str, Config]]:
    """Yield BertaQA's local questions."""
    names = []
    for lang, (question, answer) in BERTAQA.items():
        names.append(f"iberian_bertaqa_{lang}_local")
        letters = "\n".join(
            f"{x}: {{{{candidates[{i}]}}}}" for i, x in enumerate("ABC")
        )
        real = task(
            "_bertaqa_template_yaml",
            names[-1],
            f"BertaQA in {LANGUAGES[lang]}, the questions on the Basque Country",
            doc_to_text=f"{question}: {{{{question}}}}\n{letters}\n{answer}:",
            dataset_kwargs=kwargs("bertaqa", lang),
        )
        about = f"8 questions on the Basque Country in {LANGUAGES[lang]}, shipped"
        yield from (("bertaqa", config) for config in with_mini(real, about))
    about = "BertaQA, the questions on the Basque Country, in Basque and in English"
    yield from groups("bertaqa_local", names, about, "bertaqa", ["acc"])


def single() -> Iterator[tuple[str, Config]]:
    """Yield what there is in one language."""
    real = task(
        "_parafrases_template_yaml",
        "iberian_parafrases_gl",
        "Parafrases: whether a Galician sentence says the same as another",
        dataset_kwargs=kwargs("parafrases", "gl"),
    )
    about = "6 pairs of Galician sentences, shipped"
    yield from (("parafrases", config) for config in with_mini(real, about))
    real = task(
        "_eus_exams_template_yaml",
        "iberian_eus_exams_eu",
        "EusExams: the 29 Basque exams as one task, a mean over its 15,724 questions",
        dataset_kwargs=kwargs("eus_exams", "eu"),
    )
    about = "6 Basque exam questions, shipped"
    yield from (("eus_exams", config) for config in with_mini(real, about))


def minis_of_upstream() -> Iterator[tuple[str, Config]]:
    """Yield the twins of what is right upstream; their templates are its prompts."""
    for lang, language in LANGUAGES.items():
        template = "_xstorycloze_gl" if lang == "gl" else "_xstorycloze"
        yield (
            "xstorycloze",
            twin(
                template,
                f"xstorycloze_{lang}",
                "xstorycloze",
                lang,
                f"4 {language} stories",
            ),
        )
    names = [f"iberian_xstorycloze_{lang}_mini" for lang in LANGUAGES]
    about = "The right end of a story, in five languages, shipped"
    yield "xstorycloze", group("iberian_xstorycloze_mini", about, names, ["acc"])
    for lang in ("gl", "ca", "es"):
        about = f"5 {LANGUAGES[lang]} questions of elementary science"
        yield (
            "openbookqa",
            twin("_openbookqa", f"openbookqa_{lang}", "openbookqa", lang, about),
        )
    names = [f"iberian_openbookqa_{lang}_mini" for lang in ("gl", "ca", "es")]
    about = "Elementary science in Galician, Catalan and Spanish, shipped"
    yield "openbookqa", group("iberian_openbookqa_mini", about, names, ["acc"])
    for family, about in (
        ("eus_reading", "4 Basque questions on two texts"),
        ("eus_proficiency", "8 Basque questions of grammar and vocabulary"),
        ("eus_trivia", "8 Basque trivia questions"),
    ):
        yield family, twin(f"_{family}", family, family, "eu", about)


def twin(template: str, name: str, family: str, lang: str, about: str) -> Config:
    """Return the shipped twin of an upstream task."""
    asked = kwargs(family, lang, "mini")
    return task(
        f"{template}_template_yaml",
        f"iberian_{name}_mini",
        f"{about}, shipped",
        dataset_kwargs=asked,
    )


def groups(
    name: str,
    members: list[str],
    about: str,
    folder: str | None = None,
    means: Iterable[str] = (),
) -> Iterator[tuple[str, Config]]:
    """Yield the group of a family and the one of its twins."""
    where = folder or name
    yield where, group(f"iberian_{name}", about, members, means)
    minis = [f"{member}_mini" for member in members]
    yield where, group(f"iberian_{name}_mini", f"{about}, shipped", minis, means)


def suites() -> Iterator[tuple[str, Config]]:
    """Yield what the paper evaluates, with its shots, and the group of all twins."""
    for lang, members in CHOICE_SUITES.items():
        about = f"The {LANGUAGES[lang]} benchmarks of Merge and Conquer, 5-shot"
        name = f"merge_and_conquer_{lang}"
        yield "suites", group(name, about, shots(members), ["acc"])
    for lang, language in LANGUAGES.items():
        members = [f"iberian_flores_{d}" for d in DIRECTIONS if d.endswith(f"-{lang}")]
        about = f"Translation into {language} as in Merge and Conquer, 5-shot"
        metrics = ["bleu", "chrf++", "ter", "empty_rate", "unclosed_thought_rate"]
        name = f"merge_and_conquer_mt_{lang}"
        yield "suites", group(name, about, shots(members), metrics)
    about = (
        "Translation as in Merge and Conquer, 5-shot, a mean for each target language"
    )
    members = [f"merge_and_conquer_mt_{lang}" for lang in LANGUAGES]
    yield "suites", group("merge_and_conquer_mt", about, members)
    about = "IFEval in the five languages of Merge and Conquer, 0-shot"
    members = [f"iberian_ifeval_{lang}" for lang in LANGUAGES]
    yield "suites", group("merge_and_conquer_ifeval", about, members)
    about = "Every benchmark in small, on shipped data: nothing is downloaded"
    yield "suites", group("iberian_mini", about, twins())


def shots(members: list[str]) -> list[Config]:
    """Return the members of a group with the paper's number of examples."""
    return [{"task": member, "num_fewshot": SHOTS} for member in members]


def twins() -> list[str]:
    """Return every task on shipped data that stands for a benchmark."""
    makers = (cola, belebele, flores, bertaqa, minis_of_upstream, single)
    names = [c["task"] for maker in makers for _, c in maker() if "group" not in c]
    minis = [name for name in names if name.endswith("_mini")]
    return minis + [f"iberian_ifeval_{lang}_mini" for lang in LANGUAGES]


def main() -> None:
    """Write the files."""
    for path, content in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    print(f"{len(files())} files in {ROOT}")


if __name__ == "__main__":
    main()
