"""Other people's IFEval sets: each command of the README, and lm-eval's own loading."""

from __future__ import annotations

import gzip
import json
import logging
import re
import shlex
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from lm_eval_iberian.cli import main
from lm_eval_iberian.errors import DataError
from lm_eval_iberian.ifeval import score_row
from lm_eval_iberian.ifeval.prompt_files import left_out, read_prompts, read_published
from lm_eval_iberian.ifeval.registry import KNOWN, resolve
from lm_eval_iberian.paths import task_configs
from lm_eval_iberian.tasks.ifeval import load


Row = dict[str, Any]
WORDS = "length_constraints:number_words"
HIGHLIGHTS = "detectable_format:number_highlighted_sections"
BAKER = "Cuenta al menos en 20 palabras cómo trabaja una panadera y haz una pregunta."
BRIDGE = "Descriu el pont vell del poble sense comes i ressalta com a mínim dues parts."
RIVER = "Conte sem vírgulas como o rio passa pela aldeia. Use menos que 60 palavras."
ROWS: dict[str, list[Row]] = {
    "m_ifeval_es.jsonl": [
        {
            "key": 1,
            "prompt": BAKER,
            "instruction_id_list": [f"es:{WORDS}", "es:punctuation:question_marks"],
            "kwargs": [{"relation": "al menos", "num_words": 20}, {}],
        }
    ],
    "bsc_ifeval_es.parquet": [
        {
            "key": 1000,
            "prompt": BAKER,
            "instruction_id_list": [f"es:{WORDS}", f"es:{HIGHLIGHTS}"],
            "kwargs": [
                {"num_words": 20, "relation": "at least"},
                {"num_highlights": 2, "relation": "at least"},
            ],
        }
    ],
    "aina_ifeval_ca.parquet": [
        {
            "key": 1001,
            "prompt": BRIDGE,
            "instruction_id_list": ["ca:punctuation:no_comma", f"ca:{HIGHLIGHTS}"],
            "kwargs": [{"num_highlights": None}, {"num_highlights": 2}],
        }
    ],
    "euroeval_multi_ifeval_ca.parquet": [
        {
            "text": BRIDGE,
            "target_text": {
                "instruction_id_list": ["punctuation:no_comma", HIGHLIGHTS],
                "kwargs": [{"num_highlights": None}, {"num_highlights": 2}],
            },
        }
    ],
    "marco_es.jsonl": [
        {
            "key": 3,
            "prompt": BAKER,
            "instruction_id_list": [WORDS, "language:response_language"],
            "kwargs": [{"relation": "at least", "num_words": 20}, {"language": "es"}],
        },
        {
            "key": 2380,
            "prompt": "Explica sin comas cómo se hace el pan de centeno en casa.",
            "instruction_id_list": ["punctuation:no_comma"],
            "kwargs": [{}, {"language": "es"}],
        },
    ],
    "marco_pt.jsonl": [
        {
            "key": 4,
            "prompt": RIVER,
            "instruction_id_list": ["punctuation:no_comma", WORDS],
            "kwargs": [{}, {"num_words": 60, "relation": "less than"}],
        }
    ],
    "portuguese_ifeval.jsonl": [
        {
            "key": 0,
            "prompt": RIVER,
            "instruction_id_list": ["pt:punctuation:no_comma", f"pt:{WORDS}"],
            "kwargs": [None, {"num_words": 60, "relation": "menos que"}],
        }
    ],
}
SECTION = (
    (task_configs() / "ifeval" / "README.md")
    .read_text("utf-8")
    .partition("### Other sets\n")[2]
    .partition("\n### ")[0]
)
COMMANDS = re.findall(r"^iberian (score .+)$", SECTION, re.MULTILINE)


def write(path: Path, rows: list[Row]) -> Path:
    """Write rows as the ending of the name says."""
    if path.suffix == ".parquet":
        from pyarrow import Table
        from pyarrow.parquet import write_table

        write_table(Table.from_pylist(rows), path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def asked(row: Row) -> str:
    return str(row.get("prompt") or row["text"])


def test_there_is_a_command_for_each_set() -> None:
    named = {re.search(r"--data (\S+)", command)[1] for command in COMMANDS}  # type: ignore[index]
    assert named == set(ROWS)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_of_the_readme_scores(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = shlex.split(command)
    name = arguments[arguments.index("--data") + 1]
    write(tmp_path / name, ROWS[name])
    answers = [{"prompt": asked(row), "response": "Sim."} for row in ROWS[name][:1]]
    write(tmp_path / "answers.jsonl", answers)
    result = CliRunner().invoke(main, [*arguments, "--json", "out.json"])
    assert result.exit_code == 0, result.output
    assert "1 prompts, 2 instructions scored" in result.output
    found = json.loads(Path("out.json").read_text("utf-8"))
    assert found["unchecked"] == found["partial"] == []
    assert len(found["bad_prompts"]) == len(ROWS[name]) - 1
    if found["bad_prompts"]:
        said = " ".join(result.output.split())
        assert "1 row of prompts left out" in said
        assert "key 2380" in said


MIXED = [
    ROWS["m_ifeval_es.jsonl"][0],
    {
        "key": 2,
        "prompt": "Escribe sin comas un soneto sobre la lluvia en la ciudad vieja.",
        "instruction_id_list": ["es:punctuation:no_comma", "es:poetry:sonnet"],
        "kwargs": [{}, {"lines": 14}],
    },
    {
        "key": 3,
        "prompt": "Escribe otro soneto, esta vez sobre el viento y las encinas.",
        "instruction_id_list": ["es:poetry:sonnet"],
        "kwargs": [{"lines": 14}],
    },
]


def test_unknown_types_are_in_the_table_and_in_the_json(tmp_path: Path) -> None:
    data = write(tmp_path / "prompts.jsonl", MIXED)
    rows = [{"key": row["key"], "response": "Una, dos. ¿Y tres?"} for row in MIXED]
    path, out = write(tmp_path / "a.jsonl", rows), tmp_path / "out.json"
    arguments = ["score", path, "--data", data, "--lang", "es", "--json", out]
    result = CliRunner().invoke(main, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    assert "2 prompts, 3 instructions scored" in said
    assert (
        "2 of 3 prompts do not count at prompt level: nothing here checks 2 of their "
        "instructions, poetry:sonnet (2)" in said
    )
    found = json.loads(out.read_text("utf-8"))
    wanted = [{"instruction_id": "poetry:sonnet", "count": 2, "why": ""}]
    assert found["unchecked"] == wanted
    assert found["partial"] == [2, 3]
    assert found["metrics"]["partial"] == 1
    assert found["metrics"]["prompt_level_strict_acc"] == 0.0


def test_the_audit_and_the_check_of_data_read_them_too(tmp_path: Path) -> None:
    data = write(tmp_path / "prompts.jsonl", MIXED)
    rows = [{"prompt": asked(row), "response": "Una, dos. ¿Y?"} for row in MIXED]
    path = write(tmp_path / "a.jsonl", rows)
    arguments = ["audit", path, "--data", data, "--lang", "es"]
    result = CliRunner().invoke(main, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    assert "poetry:sonnet (2)" in " ".join(result.output.split()).replace("\\", "")
    arguments = ["data", "--check", "es", "--data", data]
    result = CliRunner().invoke(main, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    assert "3 prompts, 0 findings" in said
    assert "poetry:sonnet (2)" in said
    refused = CliRunner().invoke(main, ["data", "--data", str(data)])
    assert refused.exit_code == 2
    assert "--data goes with --check" in refused.output


# its first prompt does not ask for Basque; its second row has kwargs for nothing
BROKEN = [
    one | {"kwargs": [one["kwargs"][0], {"language": "eu"}]}
    for one in ROWS["marco_es.jsonl"]
]


@pytest.mark.slow
def test_rows_that_do_not_fit_are_findings_of_the_check(tmp_path: Path) -> None:
    data = write(tmp_path / "prompts.jsonl", BROKEN)
    arguments = ["data", "--check", "es", "--data", str(data)]
    result = CliRunner().invoke(main, arguments)
    said = " ".join(result.output.split())
    assert result.exit_code == 1, said
    assert "key 2380: 1 instructions but 2 kwargs" in said
    assert "1 prompts, 1 rows that cannot be used, 1 findings" in said
    found = CliRunner().invoke(main, [*arguments, "--json"])
    row, language = json.loads(found.output)
    assert language["kwarg"] == "language"
    assert row["key"] is None
    assert "key 2380" in row["why"]


@pytest.mark.slow
def test_the_audit_leaves_out_rows_of_prompts_when_told_to(tmp_path: Path) -> None:
    data = write(tmp_path / "prompts.jsonl", BROKEN)
    rows = [{"prompt": asked(BROKEN[0]), "response": "Una, dos. ¿Y?"}]
    path = write(tmp_path / "a.jsonl", rows)
    arguments = ["audit", str(path), "--data", str(data), "--lang", "es"]
    refused = CliRunner().invoke(main, arguments)
    assert refused.exit_code == 1
    assert "--keep-going" in refused.output
    result = CliRunner().invoke(main, [*arguments, "--keep-going"])
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split()).replace("\\", "")
    assert "1 row of prompts left out" in said
    assert "key 2380" in said


def test_a_file_that_nothing_here_can_judge_is_refused(tmp_path: Path) -> None:
    data = write(tmp_path / "prompts.jsonl", MIXED[2:])
    with pytest.raises(DataError, match="no prompt has an instruction"):
        load("es", data=str(data))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(ROWS))
def test_lm_eval_loads_the_documented_yaml(name: str, tmp_path: Path) -> None:
    (lang,) = {re.search(r"--lang (\w+)", c)[1] for c in COMMANDS if name in c}  # type: ignore[index]
    bad = len(ROWS[name]) > 1
    task = built(tmp_path, write(tmp_path / name, ROWS[name]), lang, keep_going=bad)
    (doc,) = task.eval_docs
    assert doc["prompt"] == task.doc_to_text(doc) == asked(ROWS[name][0])
    assert "skipped_ids" not in doc
    scores = task.process_results(doc, ["Una palabra, otra. ¿Y?"])
    assert scores["prompt_level_strict_acc"] is False
    assert len(scores["inst_level_strict_acc"]) == 2


@pytest.mark.slow
def test_lm_eval_gets_no_prompt_level_verdict_where_a_type_is_unknown(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        task = built(tmp_path, write(tmp_path / "a.jsonl", MIXED), "es")
    assert "2 of 3 prompts do not count at prompt level" in caplog.text
    assert "poetry:sonnet (2)" in caplog.text
    whole, partial = task.eval_docs
    assert task.process_results(whole, ["¿Y?"])["prompt_level_strict_acc"] is False
    scores = task.process_results(partial, ["Sin nada."])
    assert scores["prompt_level_strict_acc"] is None
    assert scores["prompt_level_loose_acc_original"] is None
    assert scores["inst_level_strict_acc"] == [True]
    average = task.aggregation()["prompt_level_strict_acc"]
    assert average([False, None]) == 0.0


def built(folder: Path, data: Path, lang: str, *, keep_going: bool = False) -> Any:
    """Return the task that the YAML of the README makes of a file."""
    from lm_eval.tasks import TaskManager

    text = re.findall(r"```yaml\n(.+?)```", SECTION, re.DOTALL)[0]
    text = text.replace("FOLDER", str(task_configs()))
    config = yaml.safe_load(text.replace("m_ifeval_es.jsonl", str(data)))
    config["dataset_kwargs"] |= {"lang": lang, "keep_going": keep_going}
    (folder / "mine.yaml").write_text(yaml.safe_dump(config), "utf-8")
    manager = TaskManager(include_path=str(folder), include_defaults=False)
    return manager.load("m_ifeval_es")["tasks"]["m_ifeval_es"]


@pytest.mark.parametrize(
    ("name", "lang", "prompts", "instructions", "bad"),
    [
        ("m_ifeval_es/es_input_data", "es", 115, 137, []),
        ("m_ifeval/es_input_data", "es", 115, 137, []),
        ("marco/es_local", "es", 540, 1342, ["key 2380"]),
        ("marco/es_mt", "es", 540, 925, ["key 1127"]),
        ("marco/pt", "pt", 541, 1349, []),
    ],
)
def test_the_published_files_load_whole(
    reference: Path,
    name: str,
    lang: str,
    prompts: int,
    instructions: int,
    bad: list[str],
) -> None:
    reading = read_published(reference / f"{name}.jsonl", lang, keep_going=True)
    assert len(reading.prompts) == prompts
    assert sum(len(one.demands) for one in reading.prompts) == instructions
    assert left_out(reading.prompts) == ""
    assert len(reading.bad_rows) == len(bad)
    assert all(key in said for key, said in zip(bad, reading.bad_rows, strict=True))


def test_m_ifeval_s_own_types_get_the_verdicts_of_its_authors(reference: Path) -> None:
    folder = reference / "m_ifeval_es"
    prompts = {p.prompt: p for p in read_prompts(folder / "es_input_data.jsonl", "es")}
    said: Counter[tuple[str, bool]] = Counter()
    others = []
    for path in sorted(folder.glob("*.strict.jsonl.gz")):
        for line in gzip.decompress(path.read_bytes()).splitlines():
            row = json.loads(line)
            score = score_row(prompts[row["prompt"]], row["response"])
            pairs = zip(row["follow_instruction_list"], score.strict, strict=True)
            for name, (stored, ours) in zip(
                row["instruction_id_list"], pairs, strict=True
            ):
                if KNOWN[(id_ := resolve(name).id)].character:
                    said[id_, stored] += 1
                    if ours.followed is not stored:
                        others.append((path.name, row["prompt"], id_, ours.reason))
    assert others == []
    assert said.total() == 264
    assert len(said) == 10  # each type followed, and not
