"""``iberian card``, as a user meets it."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from exchange_records import mangled
from huggingface_hub import ModelCard
from made_merge import RECIPE, made_merge
from made_results import Results, everything
from made_sweeps import MadeSweep, galician
from markdown_it import MarkdownIt

from lm_eval_iberian.cards.merge_origin import read_origin
from lm_eval_iberian.cards.model_card import KEPT
from lm_eval_iberian.cli import main
from lm_eval_iberian.errors import DataError
from mergekit_ext.errors import MergeError


def card(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["card", *map(str, arguments)])


def written(model: Path, results: Results, *more: object) -> str:
    """Return the card that is written into the folder of a model."""
    done = card(model, results.root, "--license", "apache-2.0", *more)
    assert done.exit_code == 0, done.output
    # in cells of numbers no line is broken
    return (model / "README.md").read_text("utf-8").replace("\u00a0", " ")


@pytest.fixture
def model(tmp_path: Path, results: Results) -> Path:
    """A merge with results of every benchmark, and of a parent."""
    folder = made_merge(tmp_path / "models" / "merged")
    # the first scores of IFEval are of runs
    every = everything(0.5)
    results.write(every, model=str(folder), date=1.7e9)
    run = {name: row for name, row in every.items() if "ifeval" in name}
    assert run
    for score in (0.4, 0.6):
        rows = {
            name: {key: score for key in row} for name, row in run.items()
            if isinstance(row, dict)
        }  # fmt: skip
        results.write(rows, model=str(folder), date=1.7e9 + score)
    results.write(everything(0.45), model="org/instruct")
    return folder


def test_the_hub_s_own_classes_read_back_what_was_written(
    model: Path, results: Results
) -> None:
    text = written(model, results, "--repo-id", "me/merged")
    read: Any = ModelCard.load(model / "README.md")
    assert str(read).replace("\u00a0", " ") == text
    data = read.data
    assert data.license == "apache-2.0"
    assert data.library_name == "transformers"
    assert data.tags == ["merge", "mergekit"]
    assert data.base_model == ["org/base", "org/instruct"]
    assert data.base_model_relation == "merge"
    assert data.model_name == "merged"
    index = {(r.dataset_type, r.dataset_config): r for r in data.eval_results}
    belebele = index["facebook/belebele", "eus_Latn"]
    assert (belebele.metric_type, belebele.metric_value) == ("accuracy", 50.0)
    assert belebele.dataset_name == "Belebele"
    assert belebele.metric_args["shots"] == 5


def test_recipe_prompting_and_settings_are_told(model: Path, results: Results) -> None:
    text = written(model, results)
    assert "[org/instruct](https://huggingface.co/org/instruct) and `expert-eu`" in text
    assert "on top of [org/base](https://huggingface.co/org/base)" in text
    assert "| merged | weight 1.0 | `0123456789ab` |" in text
    assert "Masks were drawn with seed 7." in text
    assert "Made with mergekit 0.1.5 and torch 2.13.0." in text
    assert "Merged on 2026-11-30." in text
    assert "It has the chat template of `org/instruct`" in text
    assert "generation settings stop it at `<|end|>` (3)" in text
    assert "samples with temperature 0.6" in text
    assert "tokenizer.apply_chat_template(" in text
    assert "| `belebele_eus_Latn` | 1.0 | no | 2023-11-14 |" in text
    (recipe,) = re.findall(r"```yaml\n(.*?)```", text, re.S)
    found = yaml.safe_load(recipe)
    assert found["models"][1]["model"] == "expert-eu"
    assert found["base_model"] == RECIPE["base_model"]


def test_without_a_template_it_is_prompted_with_text(
    tmp_path: Path, results: Results
) -> None:
    folder = made_merge(tmp_path / "plain", template=None, provenance=False)
    results.write({"belebele_eus_Latn": 0.5}, model=str(folder))
    text = written(folder, results)
    assert "It has no chat template: prompt it with plain text" in text
    assert "apply_chat_template" not in text
    assert "weight 0.5" in text  # of mergekit's own recipe


def test_averages_have_intervals_and_incomplete_ones_are_none(
    tmp_path: Path, results: Results
) -> None:
    folder = made_merge(tmp_path / "merged")
    english = {"belebele_eng_Latn": 0.9, "xstorycloze_en": 0.7, "bertaqa_en_local": 0.5}
    rows = {
        task: {"acc,none": value, "acc_stderr,none": 0.01}
        for task, value in english.items()
    }
    rows["belebele_eus_Latn"] = {"acc,none": 0.25, "acc_stderr,none": 0.01}
    results.write(rows, model=str(folder))
    text = written(folder, results)
    (line,) = re.findall(r"^\| English \| accuracy \| 70\.00† \| (.*)$", text, re.M)
    low, high = map(float, re.findall(r"[\d.]+", line)[:2])
    assert 68 < low < 70 < high < 72
    assert not re.search(r"^\| Basque \| accuracy", text, re.M)
    assert "There is no average for Basque: of 7 benchmarks" in text


def test_runs_of_ifeval_have_mean_and_deviation_by_both_scorings(
    model: Path, results: Results
) -> None:
    text = written(model, results)
    section = text.partition("### Instruction following")[2].partition("###")[0]
    (line,) = re.findall(r"^\| Basque \|.*$", section, re.M)
    assert line.count("50.00 ± 10.00") == 3
    assert "standard deviation over runs" in section


def test_parents_are_compared_with_item_by_item(
    tmp_path: Path, results: Results
) -> None:
    folder = made_merge(tmp_path / "merged")
    for name, right in (("org/instruct", 4), (str(folder), 12)):
        path = results.write({"belebele_eus_Latn": right / 20}, model=name, n=20)
        rows = (
            {
                "doc_id": at, "doc": {"link": str(at)}, "doc_hash": f"h{at}",
                "acc": float(at < right), "filter": "none", "metrics": ["acc"],
                "target": "0", "resps": [], "filtered_resps": [],
            }
            for at in range(20)
        )  # fmt: skip
        stamp = path.name.removeprefix("results_").removesuffix(".json")
        beside = path.with_name(f"samples_belebele_eus_Latn_{stamp}.jsonl")
        beside.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    text = written(folder, results)
    section = text.partition("### Compared with its parents")[2].partition("###")[0]
    assert "**Against org/instruct**" in section
    (line,) = re.findall(r"^\| Belebele, Basque \|.*$", section, re.M)
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[1:3] == ["20.00", "60.00"]
    assert cells[3].startswith("+40.00 [")
    assert cells[5:] == ["8", "0", "20"]
    assert "‡" not in section
    assert "not compared with org/base and expert-eu: no results of them" in text


def test_a_baseline_is_compared_with_instead(model: Path, results: Results) -> None:
    results.write(everything(0.3), model="org/other")
    text = written(model, results, "--baseline", "org/other")
    assert "### Compared with other models" in text
    assert "**Against org/other**" in text
    assert "| **Basque, average**‡ | 30.00 | 50.00 | +20.00 |" in text
    assert "Against org/instruct" not in text
    done = card(model, results.root, "--license", "mit", "--baseline", "org/othr")
    assert done.exit_code == 1
    assert "Unknown model to compare with 'org/othr'. Did you mean org/other" in (
        done.output
    )


def test_a_parent_with_results_of_other_tasks_alone_is_not_compared_with(
    model: Path, results: Results
) -> None:
    results.write({"hellaswag": 0.5}, model="org/base")
    assert "It has no benchmark in common with org/base." in written(model, results)


def test_other_settings_are_not_compared_and_that_is_said(
    tmp_path: Path, results: Results
) -> None:
    folder = made_merge(tmp_path / "merged")
    results.write({"belebele_eus_Latn": 0.5}, model=str(folder))
    results.write({"belebele_eus_Latn": 0.4}, model="org/instruct", shots=0)
    text = written(folder, results)
    assert "### Compared" not in text
    assert "not compared with org/instruct, as its own results have other" in text
    assert "settings: shots 5, not 0." in text


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"tasks": {"belebele_eus_Latn_mini": 0.5}}, "a mini set"),
        ({"tasks": {"belebele_eus_Latn": 0.5}, "n": 10, "of": 900}, "ten of the items"),
        ({"tasks": {"eus_exams_eu_ejteknikari": 0.5}}, "a part of a benchmark"),
    ],
)
def test_only_whole_benchmarks_are_in_the_index(
    tmp_path: Path, results: Results, more: dict[str, Any], why: str
) -> None:
    folder = made_merge(tmp_path / "merged")
    results.write(more.pop("tasks"), model=str(folder), **more)
    text = written(folder, results)
    assert "model-index" not in text.split("---")[1], why
    data: Any = ModelCard(text).data
    assert data.eval_results is None, why


def test_mini_sets_are_marked(tmp_path: Path, results: Results) -> None:
    folder = made_merge(tmp_path / "merged")
    results.write({"belebele_eus_Latn_mini": 0.5}, model=str(folder), n=20)
    text = written(folder, results)
    assert "| Belebele, Basque (mini) | accuracy | 50.00 |" in text
    assert "**They are not those benchmarks**" in text
    assert "It was evaluated on mini sets alone." in text
    assert "### Benchmarks" not in text


def test_answers_that_do_not_stop_are_told(tmp_path: Path, results: Results) -> None:
    folder = made_merge(tmp_path / "merged")
    row = {"inst_level_strict_acc,none": 0.5, "stop_rate,none": 0.8,
           "run_on_rate,none": 0.2, "loop_rate,none": 0.05}  # fmt: skip
    results.write({"iberian_ifeval_eu": row}, model=str(folder), shots=0)
    text = written(folder, results)
    assert "| Prompts | Stops | Runs on | Loops |" in text
    assert "| IFEval, Basque | 80.0 | 20.0 | 5.0 |" in text
    assert "On IFEval, Basque 20.0 % of its answers do not end" in text


def test_a_card_asks_in_the_first_of_the_languages_that_has_a_question(
    tmp_path: Path, results: Results
) -> None:
    folder = made_merge(tmp_path / "merged")
    row = {"inst_level_strict_acc,none": 0.5}
    results.write({"iberian_ifeval_pt": row}, model=str(folder), shots=0)
    text = written(folder, results, "--language", "tlh", "--language", "pt")
    assert "O que se pode ver em Coimbra num só dia?" in text
    assert "**Languages:** tlh and Portuguese" in text
    assert "| Portuguese | 50" in text


def test_no_folder_of_this_machine_is_named(model: Path, results: Results) -> None:
    text = written(model, results)
    assert str(model.parent) not in text
    assert "/data/me" not in text


def test_a_licence_is_never_made_up(tmp_path: Path, results: Results) -> None:
    parents = {}
    for name, front in (("a", "license: llama3.1"), ("b", "license: llama3.1")):
        parents[name] = tmp_path / name
        parents[name].mkdir()
        (parents[name] / "README.md").write_text(
            f"---\n{front}\nlanguage: [eu]\n---\n# It\n"
        )
    recipe = {
        "merge_method": "linear",
        "models": [{"model": str(path)} for path in parents.values()],
    }
    folder = made_merge(tmp_path / "merged", recipe)
    results.write({"belebele_spa_Latn": 0.5}, model=str(folder))
    assert card(folder, results.root).exit_code == 0
    data: Any = ModelCard.load(folder / "README.md").data
    assert data.license == "llama3.1"
    assert data.language == ["eu"]
    before = (folder / "README.md").read_text("utf-8")
    (parents["b"] / "README.md").write_text("---\nlicense: gemma\n---\n")
    done = card(folder, results.root)
    assert done.exit_code == 1
    assert "(a: llama3.1; b: gemma); say it: --license ID" in done.output
    (parents["b"] / "README.md").write_text("# nothing\n")
    assert "(a: llama3.1; b: not known here)" in card(folder, results.root).output
    assert (folder / "README.md").read_text() == before


HOSTILE = "x|y](http://e.vil)<img src=x onerror=alert(1)>`*_#\n---\nlicense: mit\n"


def test_what_others_wrote_starts_no_markup(tmp_path: Path, results: Results) -> None:
    recipe = {
        "merge_method": f"linear {HOSTILE}",
        "models": [
            {"model": f"/x/{HOSTILE}", "parameters": {f"w {HOSTILE}": HOSTILE}},
            {"model": "org/instruct", "parameters": {"weight": "```\n# Out\n````\n"}},
        ],
    }
    folder = made_merge(tmp_path / "merged", recipe, end="a`|``<b>")
    content = results.content({"belebele_eus_Latn": 0.5}, str(folder))
    content["versions"] = {"belebele_eus_Latn": HOSTILE}
    content["lm_eval_version"] = "<script>alert(1)</script>"
    results.put(content, "org/model")
    text = written(folder, results)
    front, body = text.split("\n---\n", 1)
    assert yaml.safe_load(front.removeprefix("---\n"))["license"] == "apache-2.0"
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(body)
    inline = [child for one in tokens for child in one.children or ()]
    html = [one.content for one in (*tokens, *inline) if one.type.startswith("html")]
    assert all(one.strip().startswith("<!-- ") for one in html), html
    links = {str(one.attrs.get("href")) for one in inline if one.type == "link_open"}
    assert all(re.match(r"https://(github\.com|huggingface\.co)/", x) for x in links)
    assert not [one for one in inline if one.type == "image"]
    headings = [
        tokens[at + 1].content for at, one in enumerate(tokens)
        if one.type == "heading_open"
    ]  # fmt: skip
    assert "Out" not in headings
    assert headings[-1] == "Limitations"
    rows = [line for line in body.splitlines() if line.startswith("| `belebele_eus")]
    assert len(rows) == 1
    read: Any = ModelCard(text)
    assert read.data.base_model == ["org/instruct"]


def test_text_below_the_line_is_kept(model: Path, results: Results) -> None:
    first = written(model, results)
    own = f"{first}\n## Thanks\n\nTo **everybody**.\n"
    (model / "README.md").write_text(own)
    again = written(model, results)
    assert again.endswith(f"{KEPT}\n\n## Thanks\n\nTo **everybody**.\n")
    assert written(model, results) == again
    (model / "README.md").write_text(again.replace(KEPT, ""))
    done = card(model, results.root, "--license", "mit")
    assert done.exit_code == 1
    assert "has lost the line below which your own text is kept" in done.output
    assert KEPT not in (model / "README.md").read_text()


def test_a_card_of_somebody_else_stays(model: Path, results: Results) -> None:
    place = model / "README.md"
    place.write_text("# Mine\n")
    done = card(model, results.root, "--license", "mit")
    assert done.exit_code == 1
    assert "was written by somebody else; give --out FILE" in done.output
    assert place.read_text() == "# Mine\n"
    out = model.parent / "card.md"
    assert card(model, results.root, "--license", "mit", "--out", out).exit_code == 0
    assert place.read_text() == "# Mine\n"
    assert "## Merge recipe" in out.read_text()
    assert card(model, results.root, "--license", "mit", "--force").exit_code == 0
    assert "## Merge recipe" in place.read_text()


MERGEKIT = """---
base_model: []
tags:
- mergekit
---
# merged

This is a merge of pre-trained language models created using \
[mergekit](https://github.com/cg123/mergekit).

## Merge Details
### Merge Method

This model was merged using the Linear merge method.

### Models Merged

The following models were included in the merge:
* org/a

### Configuration

The following YAML configuration was used to produce this model:

```yaml
merge_method: linear
```
"""


@pytest.mark.parametrize(
    ("text", "replaced", "why"),
    [
        (MERGEKIT, True, "mergekit's, as it is"),
        (MERGEKIT.replace("## Merge D", "Mine.\n\n## Merge D"), False, "a line more"),
        (f"{MERGEKIT}\nMine.\n", False, "text after it"),
        (MERGEKIT.replace("```", ""), False, "no recipe"),
        ("", True, "empty"),
    ],
)
def test_mergekit_s_own_card_makes_way(
    model: Path, results: Results, text: str, replaced: bool, why: str
) -> None:
    (model / "README.md").write_text(text)
    done = card(model, results.root, "--license", "mit")
    assert (done.exit_code == 0) is replaced, why
    if text and replaced:
        assert "the README.md that mergekit wrote was replaced" in done.stderr


def test_bad_input_is_a_sentence_and_nothing_is_written(
    tmp_path: Path, results: Results
) -> None:
    folder = made_merge(tmp_path / "merged")
    results.write({"belebele_eus_Latn": 0.5}, model="org/mergd")
    empty, no_recipe = tmp_path / "empty", tmp_path / "no_recipe"
    empty.mkdir()
    no_recipe.mkdir()
    (no_recipe / "config.json").write_text("{}")
    broken = made_merge(tmp_path / "broken")
    (broken / "merge_provenance.json").write_text("{")
    yml = made_merge(tmp_path / "yml", provenance=False)
    (yml / "mergekit_config.yml").write_text("a: [")
    (tmp_path / "nothing").mkdir()
    cases = [
        ((empty, results.root), 1, "empty has no config.json: give the folder"),
        ((no_recipe, results.root), 1, "no_recipe has neither merge_provenance.json"),
        ((broken, results.root), 1, "merge_provenance.json is not JSON"),
        ((yml, results.root), 1, "mergekit_config.yml is not YAML"),
        ((folder, results.root), 1, "but of org/mergd; if one of them is it: --rename"),
        ((folder, tmp_path / "nothing"), 1, "nothing holds no results_*.json"),
        (("merged", results.root), 2, "is no folder to write a card into: give --out"),
        (("org/mergd", results.root, "--out", tmp_path / "o"), 1, "stands nowhere"),
        ((folder, results.root, "--rename", "x"), 2, "--rename takes OLD=NEW"),
    ]
    for arguments, code, says in cases:
        done = card(*arguments, "--license", "mit")
        assert done.exit_code == code, (says, done.output)
        assert says in done.output, done.output
    for place in (empty, no_recipe, broken, yml, folder):
        assert not (place / "README.md").exists()
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--license", "My Own!"), "'My Own!' is no licence as the hub spells them"),
        (("--license", "mit", "--language", "Basque"), "'Basque' is no code of a lang"),
        (("--license", "mit", "--repo-id", "a/b/c"), "--repo-id takes ORG/NAME"),
    ],
)
def test_junk_for_the_metadata_is_refused(
    model: Path, results: Results, more: tuple[str, ...], says: str
) -> None:
    done = card(model, results.root, *more)
    assert done.exit_code == 1
    assert says in done.output
    assert not (model / "README.md").exists()


def test_a_card_that_cannot_be_written_is_one_sentence(
    model: Path, results: Results
) -> None:
    done = card(
        model, results.root, "--license", "mit", "--out", model / "none" / "c.md"
    )
    assert done.exit_code == 1
    assert "none/c.md cannot be written: No such file or directory" in done.output
    done = card(model, results.root, "--license", "mit", "--out", model)
    assert done.exit_code == 1
    assert done.output.startswith("Error: ")


def test_a_model_may_be_renamed_in_the_results(
    tmp_path: Path, results: Results
) -> None:
    folder = made_merge(tmp_path / "merged")
    results.write({"belebele_eus_Latn": 0.5}, model="org/mergd")
    text = written(folder, results, "--rename", "org/mergd=merged")
    assert "| Basque | Belebele | accuracy | 50.00 |" in text
    text = written(
        folder, results, "--rename", "org/mergd=merged", "--rename",
        "expert-eu=org/expert-eu",
    )  # fmt: skip
    data: Any = ModelCard(text).data
    assert data.base_model == ["org/base", "org/instruct", "org/expert-eu"]


SWEPT = {
    "merge_method": "linear",
    "models": [
        {"model": "/m/instruct", "parameters": {"weight": 1.0}},
        {"model": "/m/expert-gl", "parameters": {"weight": 0.5}},
    ],
}


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """A sweep with one merge, whose recipe is SWEPT, and a parent of it."""
    made = MadeSweep(tmp_path / "sweep")
    made.model("instruct", {"choice": galician(0.25)})
    made.model("linear-gl", {"choice": galician(0.5)}, method="linear", weight="0.5")
    plan = tmp_path / "sweep" / "sweep.json"
    content = json.loads(plan.read_text())
    content["cells"][1]["recipe"] = SWEPT
    plan.write_text(json.dumps(content))
    return tmp_path / "sweep"


def test_a_merge_of_a_sweep_needs_no_folder(sweep: Path) -> None:
    out = sweep.parent / "card.md"
    done = card("linear-gl", sweep, "--license", "mit", "--out", out)
    assert done.exit_code == 0, done.output
    text = out.read_text("utf-8")
    assert "`linear-gl` is a merge of `instruct` and `expert-gl`." in text
    assert "**Languages:** Galician" in text
    assert "**Against instruct**" in text
    assert "No folder of it was there" in text
    done = card("instruct", sweep, "--license", "mit", "--out", out)
    assert "what instruct was merged of stands nowhere" in done.output
    assert out.read_text("utf-8") == text


def test_results_of_another_merge_are_refused(sweep: Path, tmp_path: Path) -> None:
    renamed = ("--license", "mit", "--rename", "linear-gl=mine")
    same = made_merge(tmp_path / "a" / "mine", SWEPT | {"merge_method": "fused_linear"})
    assert card(same, sweep, *renamed).exit_code == 0
    other = made_merge(tmp_path / "b" / "mine", SWEPT | {"merge_method": "ties"})
    done = card(other, sweep, *renamed)
    assert done.exit_code == 1
    assert "was merged by another recipe than the merge of the sweep" in done.output
    assert not (other / "README.md").exists()


@pytest.mark.slow
def test_junk_in_a_folder_is_read_or_refused(tmp_path: Path, results: Results) -> None:
    folder = made_merge(tmp_path / "merged")
    results.write({"belebele_eus_Latn": 0.5}, model=str(folder))
    names = ("merge_provenance.json", "generation_config.json", "tokenizer.json",
             "config.json", "tokenizer_config.json")  # fmt: skip
    for name in names:
        content = json.loads((folder / name).read_text())
        for junk in mangled(content):
            (folder / name).write_text(json.dumps(junk))
            with suppress(DataError, MergeError):
                origin = read_origin(folder, {})
                assert origin.method
        (folder / name).write_text(json.dumps(content))
    assert "## Merge recipe" in written(folder, results)


def test_whoever_keeps_going_gets_a_card_by_stored_errors(tmp_path: Path) -> None:
    folder, results = made_merge(tmp_path / "merged"), Results(tmp_path / "results")
    for name in (str(folder), "org/instruct"):
        path = results.write({"belebele_eus_Latn": 0.5}, model=name, n=2)
        samples = path.name.replace("results_", "samples_belebele_eus_Latn_")
        path.with_name(f"{samples}l").write_text("[]\n[]\n")
    asked = (folder, results.root, "--license", "apache-2.0")
    refused = card(*asked)
    assert refused.exit_code == 1
    assert "a JSON object is wanted, found list" in refused.output
    done = card(*asked, "--keep-going")
    assert done.exit_code == 0, done.output
    assert (folder / "README.md").is_file()
