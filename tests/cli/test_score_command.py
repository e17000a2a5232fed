"""``iberian score``: whose answers these are, and in which form they come."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lm_eval_iberian.cli import main
from lm_eval_iberian.ifeval.data import Prompt, load


pytestmark = pytest.mark.slow

Row = dict[str, Any]
SENTENCE = "Kaixo denoi, hemen nago."


def score(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["score", *map(str, arguments)])


def mini(path: Path, *more: object, lang: str = "eu") -> Result:
    return score(path, "--lang", lang, "--set", "mini", *more)


def told(result: Result) -> str:
    assert "Traceback" not in result.output
    assert isinstance(result.exception, SystemExit | None)
    return " ".join(result.output.split())


def write(path: Path, rows: Iterable[object]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def sample(prompt: Prompt, response: object = SENTENCE) -> Row:
    """Return what lm-eval logs of one of our tasks."""
    doc = {"key": prompt.key, "prompt": prompt.prompt, "lang": prompt.lang}
    return {
        "doc_id": prompt.key - 1,
        "doc": doc | {"instruction_id_list": list(prompt.instruction_ids)},
        "resps": [[response]],
        "filtered_resps": [response],
        "filter": "none",
    }


def plain(prompt: Prompt, response: object = SENTENCE) -> Row:
    return {"key": prompt.key, "prompt": prompt.prompt, "response": response}


def keyed(prompt: Prompt, response: object = SENTENCE) -> Row:
    return {"key": prompt.key, "response": response}


@pytest.mark.parametrize("form", [sample, plain])
@pytest.mark.parametrize("given", ["gl", "ca", "es", "en"])
def test_answers_in_another_language_are_refused(
    tmp_path: Path, form: Callable[[Prompt], Row], given: str
) -> None:
    path = write(tmp_path / "a.jsonl", map(form, load(given, "mini")))
    result = mini(path)
    assert result.exit_code == 1
    said = told(result)
    assert "a.jsonl" in said
    asked, held = ("--lang eu", repr(given)) if form is sample else (
        "the mini set in eu", f"prompts of the mini set in {given}"
    )  # fmt: skip
    assert asked in said
    assert held in said
    assert mini(path, lang=given).exit_code == 0


def test_one_document_in_another_language_is_enough(tmp_path: Path) -> None:
    mine, other = load("eu", "mini"), load("gl", "mini")
    rows = [*map(sample, mine[:49]), sample(other[49])]
    result = mini(write(tmp_path / "a.jsonl", rows))
    assert result.exit_code == 1
    assert "a.jsonl, line 50, key 50: doc.lang is 'gl', but --lang eu" in told(result)
    assert mini(tmp_path / "a.jsonl", "--keep-going").exit_code == 1


def test_the_paper_s_keys_with_the_mini_set_s_prompts_do_not_pair(
    tmp_path: Path,
) -> None:
    prompts = load("eu", "mini")
    asked = [
        {
            "key": p.key,
            "prompt": f"Galdera {p.key}: zer moduz zaude gaur?",
            "instruction_id_list": ["punctuation:no_comma"],
            "kwargs": [{}],
        }
        for p in prompts
    ]
    data = write(tmp_path / "asked.jsonl", asked)
    path = write(tmp_path / "mini.jsonl", map(plain, prompts))
    result = score(path, "--lang", "eu", "--data", data)
    assert result.exit_code == 1
    said = told(result)
    assert "50 of 50" in said
    assert "asked.jsonl" in said
    assert "mini set in eu" in said


def test_half_the_answers_without_their_prompt_are_refused(tmp_path: Path) -> None:
    mine, other = load("eu", "mini"), load("gl", "mini")
    rows = [*map(plain, mine[:25]), *map(plain, other[25:])]
    result = mini(write(tmp_path / "a.jsonl", rows))
    assert result.exit_code == 1
    assert "25 of 50" in told(result)
    fewer = [*map(plain, mine[:30]), *map(plain, other[30:40])]
    result = mini(write(tmp_path / "a.jsonl", fewer))
    assert result.exit_code == 0
    assert "10 answers without a prompt" in told(result)


def test_keys_that_count_rows_are_no_keys(tmp_path: Path) -> None:
    prompts = load("eu", "mini")
    rows = [plain(p) | {"key": p.key - 1} for p in prompts]
    result = mini(write(tmp_path / "a.jsonl", rows))
    assert result.exit_code == 1
    assert "these prompts under other keys" in told(result)
    unkeyed = [{k: v for k, v in row.items() if k != "key"} for row in rows]
    assert mini(write(tmp_path / "a.jsonl", unkeyed)).exit_code == 0


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda text: f"  {text}\r\n", "white space at the ends"),
        (lambda text: text.replace(" ", "\n", 1), "a line broken"),
        (lambda text: __import__("unicodedata").normalize("NFD", text), "another form"),
        (lambda text: [{"role": "user", "content": text}], "chat messages"),
        (
            lambda text: [
                {"role": "system", "content": "Lagundu."},
                {"role": "user", "content": [{"type": "text", "text": text}]},
            ],
            "chat messages in parts",
        ),
        (
            lambda text: f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n",
            "in its chat template",
        ),
    ],
)
@pytest.mark.parametrize("with_key", [True, False])
def test_a_prompt_is_known_however_it_is_stored(
    tmp_path: Path, change: Callable[[str], object], why: str, with_key: bool
) -> None:
    rows = [plain(p) | {"prompt": change(p.prompt)} for p in load("gl", "mini")]
    if not with_key:
        rows = [{k: v for k, v in row.items() if k != "key"} for row in rows]
    result = mini(write(tmp_path / "a.jsonl", rows), lang="gl")
    assert result.exit_code == 0, (why, result.output)
    assert "without" not in result.output


@pytest.mark.parametrize("key", [7, 7.0, "7", "7.0", " 7 "])
def test_a_key_is_one_however_it_is_written(tmp_path: Path, key: object) -> None:
    path = write(tmp_path / "a.jsonl", [{"key": key, "response": "Kaixo."}])
    out = tmp_path / "out.json"
    assert mini(path, "--json", out).exit_code == 0
    assert {row["key"] for row in json.loads(out.read_text())["rows"]} == {7}
    twice = [{"key": key, "response": "Kaixo."}, {"key": 7, "response": "Agur."}]
    result = mini(write(path, twice))
    assert result.exit_code == 1
    assert "a second answer to key 7" in told(result)


def test_prompts_of_one_s_own_may_have_any_such_key(tmp_path: Path) -> None:
    row = {
        "prompt": "Agurtu.", "instruction_id_list": ["punctuation:no_comma"],
        "kwargs": [{}],
    }  # fmt: skip
    data = write(tmp_path / "p.jsonl", [{"key": "7", **row}, {"key": 8.0, **row}])
    path = write(tmp_path / "a.jsonl", [keyed_row(7), keyed_row(8)])
    assert score(path, "--lang", "eu", "--data", data).exit_code == 0


def keyed_row(key: object) -> Row:
    return {"key": key, "response": SENTENCE}


@pytest.mark.parametrize("how", ["path", "link", "copy", "gz"])
def test_a_file_given_twice_counts_once(tmp_path: Path, how: str) -> None:
    prompts = load("eu", "mini")
    first = write(tmp_path / "a.jsonl", map(plain, prompts))
    second = tmp_path / {"gz": "b.jsonl.gz"}.get(how, "b.jsonl")
    match how:
        case "path":
            second = tmp_path / "." / "a.jsonl"
        case "link":
            second.symlink_to(first)
        case "copy":
            second.write_bytes(first.read_bytes())
        case "gz":
            second.write_bytes(gzip.compress(first.read_bytes()))
    out = tmp_path / "out.json"
    result = score(first, second, "--lang", "eu", "--set", "mini", "--json", out)
    assert result.exit_code == 0, result.output
    assert "counts once" in told(result)
    assert "runs, mean" not in result.output
    assert "runs" not in json.loads(out.read_text())


def test_three_languages_are_not_three_runs(tmp_path: Path) -> None:
    paths = [
        write(tmp_path / f"{x}.jsonl", map(sample, load(x, "mini")))
        for x in ("eu", "gl", "ca")
    ]
    result = score(*paths, "--lang", "eu", "--set", "mini")
    assert result.exit_code == 1
    assert "runs" not in result.output
    assert "gl.jsonl" in told(result)


def test_runs_over_different_prompts_are_not_averaged(tmp_path: Path) -> None:
    prompts = load("eu", "mini")
    whole = write(tmp_path / "whole.jsonl", map(keyed, prompts))
    part = write(tmp_path / "part.jsonl", (keyed(p, "Agur.") for p in prompts[2:]))
    result = score(whole, part, "--lang", "eu", "--set", "mini")
    assert result.exit_code == 1
    assert "runs" in told(result)
    assert "part.jsonl" in told(result)
    assert "±" not in result.output
    out = tmp_path / "o.json"
    more = ("--keep-going", "--json", out)
    result = score(whole, part, "--lang", "eu", "--set", "mini", *more)
    assert result.exit_code == 0, result.output
    assert "2 prompts" in told(result)
    each = [run["metrics"]["prompts"] for run in json.loads(out.read_text())["runs"]]
    assert each == [48, 48]


def test_answers_by_key_alone_are_said_to_be_unchecked(tmp_path: Path) -> None:
    rows = list(map(keyed, load("eu", "mini")))
    result = mini(write(tmp_path / "a.jsonl", rows))
    assert "no row holds its prompt" in told(result)
    text = "A rapaza de Compostela díxolles aos seus veciños que non chovería mañá."
    galician = [{**row, "response": text} for row in rows]
    result = mini(write(tmp_path / "a.jsonl", galician))
    assert "is --lang eu right?" in told(result)


CHAT = {"role": "user", "content": "PROMPT"}
REPLY = {"role": "assistant", "content": SENTENCE}
CHOICE = {"index": 0, "message": REPLY, "finish_reason": "FINISH"}
BATCH = {
    "id": "batch_req_1",
    "custom_id": "KEY",
    "response": {"status_code": 200, "body": {"choices": [CHOICE]}},
    "error": None,
}
FORMS: dict[str, Row] = {
    "OpenAI batch output, vLLM's too": BATCH,
    "a chat completion": {"key": 0, "choices": [CHOICE]},
    "a text completion": {
        "key": 0, "choices": [{"text": SENTENCE, "finish_reason": "FINISH"}],
    },
    "vLLM outputs": {
        "request_id": "3", "prompt": "PROMPT",
        "outputs": [{"index": 0, "text": SENTENCE, "finish_reason": "FINISH"}],
    },
    "messages": {"messages": [CHAT, REPLY], "finish_reason": "FINISH"},
    "messages before a response": {
        "messages": [CHAT], "response": SENTENCE, "finish_reason": "FINISH",
    },
    "a response of messages": {
        "prompt": [CHAT], "response": [REPLY], "finish_reason": "FINISH",
    },
    "a list of one answer": {
        "key": 0, "response": [SENTENCE], "finish_reason": "FINISH",
    },
    "plain": {"key": 0, "response": SENTENCE, "finish_reason": "FINISH"},
    "another server's name for it": {
        "key": 0, "response": SENTENCE, "stop_reason": "max_tokens",
    },
}  # fmt: skip


def filled(form: object, prompt: Prompt, finish: str) -> Any:
    match form:
        case dict():
            made = {k: filled(v, prompt, finish) for k, v in form.items()}
            return made | ({"key": prompt.key} if "key" in form else {})
        case list():
            return [filled(part, prompt, finish) for part in form]
        case "PROMPT":
            return prompt.prompt
        case "KEY":
            return str(prompt.key)
        case "FINISH":
            return finish
    return form


@pytest.mark.parametrize("form", FORMS)
def test_common_forms_are_read(tmp_path: Path, form: str) -> None:
    prompts = load("eu", "mini")
    wanted, out = tmp_path / "wanted.json", tmp_path / "found.json"
    mini(write(tmp_path / "p.jsonl", map(keyed, prompts)), "--json", wanted)
    path = tmp_path / "a.jsonl"
    write(path, (filled(FORMS[form], p, "length") for p in prompts))
    result = mini(path, "--json", out)
    assert result.exit_code == 0, result.output
    assert json.loads(out.read_text())["rows"] == json.loads(wanted.read_text())["rows"]
    assert "cut off 100.00 %" in result.output


@pytest.mark.parametrize(
    "container", ["array", "jsonl.gz", "array.gz", "parquet", "bom"]
)
def test_common_containers_are_read(tmp_path: Path, container: str) -> None:
    rows = list(map(sample, load("eu", "mini")))
    lines = write(tmp_path / "a.jsonl", rows).read_bytes()
    path = tmp_path / f"b.{container}"
    match container:
        case "array":
            path.write_text(json.dumps(rows, indent=1))
        case "jsonl.gz":
            path.write_bytes(gzip.compress(lines))
        case "array.gz":
            path.write_bytes(gzip.compress(json.dumps(rows).encode()))
        case "parquet":
            from datasets import Dataset

            Dataset.from_list(rows).to_parquet(path)
        case "bom":
            path.write_bytes(b"\xef\xbb\xbf" + lines)
    result = mini(path)
    assert result.exit_code == 0, result.output
    assert "50 prompts," in result.output
    assert mini(path, lang="gl").exit_code == 1


BAD: list[tuple[object, str]] = [
    ({"key": 9}, "'response'.*found key"),
    ({"key": 9, "output": "Kaixo."}, "'response'.*found key, output"),
    ({"response": "Kaixo."}, "'key'.*'prompt'.*found response"),
    ({"key": 9.5, "response": "Kaixo."}, "'key' must be a whole number, found 9.5"),
    ({"key": "x", "response": "Kaixo."}, "'key' must be a whole number, found 'x'"),
    ({"key": True, "response": "a"}, "'key' must be a whole number, found True"),
    ({"key": 9, "response": 3}, "'response' that is a text or null"),
    ({"key": 9, "response": ["a", "b"]}, "2 answers"),
    ({"key": 9, "response": []}, "0 answers"),
    ({"key": 9, "response": [{"role": "user", "content": "a"}]}, "no assistant"),
    ({"key": 9, "choices": [CHOICE, CHOICE]}, "2 answers"),
    ({"key": 9, "choices": []}, "0 answers"),
    ({"prompt": "a", "outputs": [{"text": "a"}, {"text": "b"}]}, "2 answers"),
    (BATCH, "custom_id 'KEY'"),
    (BATCH | {"custom_id": "request-9"}, "custom_id 'request-9'"),
    (
        BATCH | {"custom_id": "9", "response": {"status_code": 500, "body": {}}},
        "failed.*500",
    ),
    (
        BATCH | {"custom_id": "9", "response": None, "error": {"message": "Too big"}},
        "failed.*Too big",
    ),
    ({"doc": {"key": 9}, "filtered_resps": ["a", "b"]}, "2 answers"),
    ({"doc": {"key": 9}, "filtered_resps": [["a", "b"]]}, "2 answers"),
    ({"doc": {"key": 9}, "filtered_resps": [["-3.2", "False"]]}, "2 answers"),
    ({"doc": {"question": "?"}, "filtered_resps": ["a"]}, "found question"),
    ({"doc": {"key": 9}, "resps": [["a"]]}, "filtered_resps"),
    ([1], "a JSON object is wanted, found list"),
    (None, "a JSON object is wanted, found NoneType"),
    ({"key": 9, "lang": "gl", "response": "a"}, "lang is 'gl', but --lang eu"),
    ({"prompt": [], "response": "a"}, "no user"),
    ({"prompt": 3, "response": "a"}, "'prompt' must be a text"),
    (
        {"key": 9, "response": [{"type": "image_url", "image_url": "x"}]},
        "'response'",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("row", "said"), BAD)
def test_a_bad_row_is_named_and_can_be_left_out(
    tmp_path: Path, row: object, said: str
) -> None:
    good = [*map(keyed, load("eu", "mini"))]
    del good[8]
    path = write(tmp_path / "a.jsonl", [*good[:3], row, *good[3:]])
    result = mini(path)
    assert result.exit_code == 1
    assert re.search(rf"a\.jsonl, line 4.*{said}", told(result)), result.output
    result = mini(path, "--keep-going")
    if "--lang" in said:  # no fault of one row
        assert result.exit_code == 1
        return
    assert result.exit_code == 0, result.output
    assert "1 row left out" in told(result)
    assert "49 prompts," in told(result)
    assert re.search(r"1 prompts? without an answer: keys? 9", told(result))


def test_a_cut_file_is_named_and_its_rest_scored(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", map(sample, load("eu", "mini")))
    path.write_bytes(path.read_bytes()[:-40])
    result = mini(path)
    assert result.exit_code == 1
    assert "a.jsonl, line 50: not JSON" in told(result)
    result = mini(path, "--keep-going")
    assert result.exit_code == 0
    assert "1 row left out" in told(result)
    assert "49 prompts," in result.output


def test_two_answers_to_a_key_are_neither_of_them_right(tmp_path: Path) -> None:
    good = [*map(keyed, load("eu", "mini"))]
    path = write(tmp_path / "a.jsonl", [*good, {"key": 9, "response": "Agur."}])
    assert "a second answer to key 9" in told(mini(path))
    result = mini(path, "--keep-going")
    assert result.exit_code == 0
    assert "2 rows left out" in told(result)
    assert "49 prompts," in result.output
    write(path, [*good, good[8]])  # the same twice: one is as good as the other
    assert "1 row left out" in told(mini(path, "--keep-going"))
    assert "50 prompts," in mini(path, "--keep-going").output


def test_answers_by_several_filters_are_a_choice(tmp_path: Path) -> None:
    rows = [*map(sample, load("eu", "mini"))]
    other = [row | {"filter": "strip"} for row in rows]
    result = mini(write(tmp_path / "a.jsonl", [*rows, *other]))
    assert result.exit_code == 1
    assert "filters none, strip" in told(result)
    assert mini(write(tmp_path / "a.jsonl", other)).exit_code == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "holds no answers"),
        (b"\n \n", "holds no answers"),
        (b"[]", "holds no answers"),
        (b"[1, 2", "not JSON"),
        (b'{"results": {}, "config": {}}', "lm-eval's results; give the samples_"),
        (b'{"model": "m", "score": 3}', "found model, score"),
        (b"\x1f\x8b\x08\x00broken", "cannot be unpacked"),
        (
            gzip.compress(b'{"key": 1, "response": "a"}\n', mtime=0)[:-9],
            "cannot be unpacked",
        ),
        (b"PAR1broken", "not parquet"),
        (b"(\xb5/\xfd\x00", "not UTF-8|not JSON"),
        (b"key,response\n1,Kaixo\n", "not JSON"),
    ],
)
def test_a_file_that_is_not_read_is_one_sentence(
    tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    result = mini(path)
    assert result.exit_code == 1
    assert re.search(rf"a\.jsonl.*({said})", told(result)), result.output


def test_a_prompt_that_stands_twice_needs_a_key(tmp_path: Path) -> None:
    asked = [
        {
            "key": key, "prompt": "Agurtu.", "kwargs": [{}],
            "instruction_id_list": [name],
        }
        for key, name in ((1, "punctuation:no_comma"), (2, "startend:quotation"))
    ]  # fmt: skip
    data = write(tmp_path / "p.jsonl", asked)
    path = write(tmp_path / "a.jsonl", [{"prompt": "Agurtu.", "response": "Kaixo."}])
    result = score(path, "--lang", "eu", "--data", data)
    assert result.exit_code == 1
    assert "keys 1, 2" in told(result)


def test_the_answers_are_not_overwritten(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", map(keyed, load("eu", "mini")))
    before = path.read_bytes()
    result = mini(path, "--json", path)
    assert result.exit_code == 1
    assert "is one of the files to read" in told(result)
    assert path.read_bytes() == before


def test_a_set_and_data_contradict_each_other(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", map(keyed, load("eu", "mini")))
    result = score(path, "--lang", "eu", "--set", "mini", "--data", path)
    assert result.exit_code == 2
    assert "--set" in told(result)


def test_what_was_left_out_is_in_the_json_too(tmp_path: Path) -> None:
    good = [*map(keyed, load("eu", "mini"))]
    path = write(tmp_path / "a.jsonl", [*good[:5], {"key": 99, "response": "a"}, 3])
    out = tmp_path / "out.json"
    assert mini(path, "--json", out, "--keep-going").exit_code == 0
    found = json.loads(out.read_text())
    assert found["unanswered"] == list(range(6, 51))
    assert len(found["unmatched"]) == 1
    assert len(found["bad_rows"]) == 1


def test_the_documented_pattern_takes_no_mini_run(root: Path, tmp_path: Path) -> None:
    text = (root / "task_configs/ifeval/README.md").read_text("utf-8")
    pattern = re.findall(r"iberian score runs/\*/\*/(\S+)", text)[0]
    for name in ("ifeval_eu", "ifeval_eu_mini"):
        (tmp_path / f"samples_{name}_2026-11-29T18-36-24.564648.jsonl").touch()
    (only,) = tmp_path.glob(pattern)
    assert "mini" not in only.name


@pytest.mark.parametrize("given", ["gl", "ca", "es", "en", "eu"])
@pytest.mark.parametrize("lang", ["eu", "es"])
def test_one_s_own_prompts_in_another_language_are_refused(
    root: Path, tmp_path: Path, given: str, lang: str
) -> None:
    data = root / f"data/ifeval/mini/{given}.jsonl"
    path = write(tmp_path / "a.jsonl", map(plain, load(given, "mini")))
    result = score(path, "--lang", lang, "--data", data)
    assert result.exit_code == int(given != lang)
    if given != lang:
        assert f"{given}.jsonl" in told(result)
        assert f"seem to be in {given!r}, but --lang {lang}" in told(result)


@pytest.mark.parametrize("whole_first", [True, False])
def test_a_part_of_a_run_is_no_run(tmp_path: Path, whole_first: bool) -> None:
    rows = [plain(p) for p in load("eu", "mini")]
    paths = [
        write(tmp_path / "whole.jsonl", rows),
        write(tmp_path / "p.jsonl", rows[:9]),
    ]
    order = paths if whole_first else paths[::-1]
    more = ("--lang", "eu", "--set", "mini", "--keep-going")
    result = score(*order, *more)
    assert result.exit_code == 0, result.output
    assert "runs, mean" not in result.output
    assert "50 prompts, " in result.output
    assert "p.jsonl holds no answer that" in told(result)


def test_answers_are_read_before_prompts_are_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "nope.jsonl" in told(score(tmp_path / "nope.jsonl", "--lang", "eu"))
    empty = write(tmp_path / "empty.jsonl", [])
    assert "holds no answers" in told(score(empty, "--lang", "eu"))


def test_where_nothing_can_be_written_is_said_before_scoring(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [keyed(p) for p in load("eu", "mini")])
    for out, why in (
        (tmp_path / "no" / "out.json", "is in a folder that does not exist"),
        (tmp_path, "is a folder"),
    ):
        result = mini(path, "--json", out)
        assert f"--json {out} {why}" in told(result)
        assert "strict" not in result.output
