"""A merge ends its turns as the model whose chat template it carries."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from click.testing import CliRunner, Result
from mergekit.scripts import run_yaml
from turning_models import CHAT, SETTINGS, edit, make_turning_models, save_tokenizer

from lm_eval_iberian.cli import main


pytestmark = pytest.mark.slow

METHODS = ("linear", "task_arithmetic", "ties", "dare_linear", "breadcrumbs")
OURS = (*(f"fused_{name}" for name in METHODS), "layer_swap")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_turning_models(tmp_path_factory.mktemp("turning"))


@pytest.fixture
def here(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    shutil.copytree(made, tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


def recipe(method: str, **changes: Any) -> dict[str, Any]:
    names = ("./instruct", "./basque")
    if method == "layer_swap":
        each = [{"role": "task"}, {"role": "language"}]
    else:
        more = {} if "density" not in _knows(method) else {"density": 0.5}
        each = [{"weight": 0.5, **more}, {"weight": 0.5, **more}]
    models = [
        {"model": name, "parameters": parameters}
        for name, parameters in zip(names, each, strict=True)
    ]
    written: dict[str, Any] = {"merge_method": method, "models": models}
    if not method.endswith("linear") or "dare" in method:
        written["base_model"] = "./base"
    return written | {"dtype": "float32"} | changes


def _knows(method: str) -> set[str]:
    sparse = ("ties", "dare", "breadcrumbs")
    return {"density"} if any(name in method for name in sparse) else set()


def iberian(written: dict[str, Any], *options: str) -> Result:
    Path("recipe.yml").write_text(yaml.safe_dump(written), encoding="utf-8")
    return CliRunner().invoke(main, ["merge", "recipe.yml", "out", *options])


def merged(written: dict[str, Any], *options: str) -> Result:
    result = iberian(written, *options)
    assert result.exit_code == 0, result.output
    return result


def read(name: str) -> dict[str, Any]:
    found = json.loads(Path("out", name).read_text("utf-8"))
    assert isinstance(found, dict)
    return found


def check_it_stops() -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained("out")
    settings = model.generation_config
    assert settings.eos_token_id == [1, 5]
    assert {key: getattr(settings, key) for key in SETTINGS} == SETTINGS
    assert model.config.eos_token_id == [1, 5]
    prompt = torch.tensor([[2]])
    ours = model.generate(prompt, max_new_tokens=9)
    theirs = AutoModelForCausalLM.from_pretrained("instruct").generate(
        prompt, max_new_tokens=9
    )
    assert ours.tolist() == theirs.tolist() == [[2, 3, 4, 5]]
    assert AutoTokenizer.from_pretrained("out").chat_template == CHAT


@pytest.mark.parametrize(
    ("method", "source"),
    [
        (method, source)
        for method in (*METHODS, *OURS)
        for source in (None, "base", "./instruct")
        if source != "base" or "base_model" in recipe(method)
    ],
)
def test_it_stops_where_the_instructed_model_does(
    here: Path, method: str, source: str | None
) -> None:
    written = recipe(method, **({"tokenizer_source": source} if source else {}))
    result = merged(written)
    assert "ends on <|end|>, w5; template of instruct\n" in result.output
    check_it_stops()
    turns = read("merge_provenance.json")["turns"]
    assert (turns["like"], turns["template"]) == ("./instruct", "instruct")
    ends = [{"id": 1, "token": "<|end|>"}, {"id": 5, "token": "w5"}]
    assert turns["ends"] == ends


@pytest.mark.parametrize("method", OURS)
def test_by_mergekits_own_command(
    here: Path, attached: None, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    Path("recipe.yml").write_text(yaml.safe_dump(recipe(method)))
    with caplog.at_level(logging.WARNING, "mergekit_ext"):
        done = CliRunner().invoke(run_yaml.main, ["recipe.yml", "out", "--quiet"])
    assert done.exit_code == 0, done.output
    assert "ends on <|end|>, w5; template of instruct" in caplog.messages
    check_it_stops()
    # the same again: what was carried is the merge's own and makes way
    done = CliRunner().invoke(run_yaml.main, ["recipe.yml", "out", "--quiet"])
    assert done.exit_code == 0, done.output


def test_another_method_by_mergekits_own_command_is_left_alone(
    here: Path, attached: None
) -> None:
    Path("recipe.yml").write_text(yaml.safe_dump(recipe("task_arithmetic")))
    done = CliRunner().invoke(run_yaml.main, ["recipe.yml", "out", "--quiet"])
    assert done.exit_code == 0, done.output
    assert read("config.json")["eos_token_id"] == 1
    assert not Path("out/generation_config.json").exists()


def names() -> list[str]:
    return sorted(path.name for path in Path.cwd().iterdir())


def test_a_dry_run_says_it_and_writes_nothing(here: Path) -> None:
    before = names()
    for out in ([], ["out"]):
        Path("recipe.yml").write_text(yaml.safe_dump(recipe("fused_ties")))
        result = CliRunner().invoke(main, ["merge", "recipe.yml", *out, "--dry-run"])
        assert result.exit_code == 0, result.output
        assert result.stdout.splitlines() == [
            "ends on <|end|>, w5; template of instruct",
            "nothing was written; no fault was found without the weights",
        ]
        assert names() == sorted([*before, "recipe.yml"])
    written = recipe("fused_ties", base_model="./instruct/none")
    result = iberian(written, "--dry-run")
    assert result.exit_code == 1
    assert "there is no such folder" in result.output


def test_a_merge_needs_an_output(here: Path) -> None:
    result = CliRunner().invoke(main, ["merge", "recipe.yml"])
    assert result.exit_code == 2
    assert "give OUT, the folder that the result is to be" in result.output


def test_a_dry_run_fetches_nothing(here: Path, monkeypatch: Any) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    written = recipe("task_arithmetic", base_model="none/such")
    result = iberian(written, "--dry-run")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "Model 'none/such' is not here; it is not checked.",
        "nothing was written; no fault was found without the weights",
    ]


def test_a_checked_recipe_says_it(here: Path) -> None:
    models = ("--base", "./base", "--instruct", "./instruct", "--expert", "eu=./basque")
    asked = ("recipe", "--method", "task_arithmetic", *models, "--check")
    result = CliRunner().invoke(main, asked)
    assert result.exit_code == 0, result.output
    assert result.stderr == "ends on <|end|>, w5; template of instruct\n"
    assert yaml.safe_load(result.stdout)["tokenizer_source"] == "./instruct"
    (here / "basque" / "generation_config.json").write_text("{")
    result = CliRunner().invoke(main, asked)
    assert "generation_config.json cannot be read" in result.stderr
    shutil.rmtree("basque")
    assert CliRunner().invoke(main, asked).stderr == ""


def test_a_union_numbers_the_ends_anew(here: Path) -> None:
    """The instructed model has tokens that the base lacks, in another order."""
    words = {"<s>": 0, "<|end|>": 1, **{f"w{i}": i for i in range(2, 60)}}
    for name in ("base", "basque"):
        save_tokenizer(Path(name), words)
    extra = {"<|turn|>": 2, "<|pad|>": 3, **{f"w{i}": i + 2 for i in range(2, 60)}}
    save_tokenizer(Path("instruct"), words | extra)
    edit(Path("instruct/config.json"), eos_token_id=[1, 2], pad_token_id=3)
    edit(Path("instruct/generation_config.json"), eos_token_id=[1, 2], pad_token_id=3)
    result = merged(recipe("fused_task_arithmetic", tokenizer_source="union"))
    assert "ends on <|end|>, <|turn|>; template of instruct\n" in result.output
    content = read("tokenizer.json")
    ids = dict(content["model"]["vocab"])
    ids |= {token["content"]: token["id"] for token in content["added_tokens"]}
    assert ids["<|turn|>"] != 2
    for name in ("config.json", "generation_config.json"):
        found = read(name)
        assert found["eos_token_id"] == [1, ids["<|turn|>"]]
        assert found["pad_token_id"] == ids["<|pad|>"]
        assert found["bos_token_id"] == 0
    assert {key: found[key] for key in SETTINGS} == SETTINGS
    assert read("config.json")["vocab_size"] == len(ids)


def test_a_broken_file_of_the_base_does_not_live_on(here: Path) -> None:
    Path("base/generation_config.json").write_text("{")
    result = merged(recipe("task_arithmetic"))
    assert "generation_config.json cannot be read" in result.output
    check_it_stops()


@pytest.mark.parametrize("method", ["linear", "fused_task_arithmetic"])
def test_a_broken_file_of_the_donor(here: Path, method: str) -> None:
    Path("instruct/generation_config.json").write_text("{")
    result = merged(recipe(method))
    assert "generation_config.json cannot be read" in result.output
    assert read("config.json")["eos_token_id"] == [1, 5]


def test_a_result_without_a_template_is_said(here: Path) -> None:
    result = merged(recipe("linear", tokenizer_source="./basque"))
    assert (
        "The result has no chat template, although instruct has one; to have it, name"
        " instruct in tokenizer_source.\nends on <|end|>; no chat template\n"
    ) in result.output
    assert not Path("out/chat_template.jinja").exists()
    result = merged(recipe("linear"), "--no-copy-tokenizer")
    assert "it gets no tokenizer that could carry it.\n" in result.output
    assert read("generation_config.json")["eos_token_id"] == [1, 5]


def test_a_template_that_the_recipe_gives(here: Path) -> None:
    template = "{{ bos_token }} any <|end|>"
    result = merged(recipe("linear", chat_template=template))
    assert "ends on <|end|>, w5; template of the recipe\n" in result.output
    assert Path("out/chat_template.jinja").read_text("utf-8") == template
    assert read("generation_config.json")["eos_token_id"] == [1, 5]


def test_a_template_in_the_configuration_of_the_tokenizer(here: Path) -> None:
    Path("instruct/chat_template.jinja").unlink()
    edit(Path("instruct/tokenizer_config.json"), chat_template=CHAT)
    edit(Path("base/tokenizer_config.json"), chat_template="{{ no <|end|> }}")
    Path("base/chat_template.jinja").write_text("{{ no <|end|> }}")
    written = recipe("fused_linear", base_model="./base", chat_template="auto")
    for name in ("./base", "./more"):
        written["models"].append(written["models"][0] | {"model": name})
    shutil.copytree("instruct", "more")
    result = merged(written)
    assert "template of instruct" in result.output
    check_it_stops()


def test_a_merge_without_an_end_is_mended(here: Path, attached: None) -> None:
    Path("recipe.yml").write_text(yaml.safe_dump(recipe("task_arithmetic")))
    done = CliRunner().invoke(run_yaml.main, ["recipe.yml", "out", "--quiet"])
    assert done.exit_code == 0, done.output
    weights = Path("out/model.safetensors").stat()
    mend = ("mend", "out", "--like", "./instruct")
    result = CliRunner().invoke(main, mend)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "config.json: eos_token_id 1 → [1, 5]",
        "generation_config.json: eos_token_id none → [1, 5]",
        "generation_config.json: do_sample none → true",
        "generation_config.json: temperature none → 0.6",
        "generation_config.json: top_p none → 0.9",
        "generation_config.json: bos_token_id none → 0",
        "chat_template.jinja: new",
        "ends on <|end|>, w5; template of instruct",
    ]
    check_it_stops()
    assert Path("out/model.safetensors").stat() == weights
    again = CliRunner().invoke(main, mend)
    assert again.stdout.splitlines() == [
        "nothing had to change",
        "ends on <|end|>, w5; template of instruct",
    ]
    result = CliRunner().invoke(main, ["mend", "none", "--like", "./instruct"])
    assert result.exit_code == 1
    assert "'none' is no folder; what is on the hub cannot be mended" in result.output
    result = CliRunner().invoke(main, ["mend", "out", "--like", "./none"])
    assert result.exit_code == 1
    assert result.output.startswith("Error: Model './none': there is no such folder")


def test_a_mended_merge_can_be_merged_again(here: Path) -> None:
    merged(recipe("linear", tokenizer_source="./basque"))
    result = CliRunner().invoke(main, ["mend", "out", "--like", "./instruct"])
    assert result.exit_code == 0, result.output
    merged(recipe("linear", tokenizer_source="./basque"))
    assert not Path("out/chat_template.jinja").exists()


def test_a_template_that_writes_a_named_token(here: Path) -> None:
    """``eos_token`` in a template is the tokenizer's, so that goes along."""
    from transformers import AutoTokenizer

    template = "{% for m in messages %}{{ m['content'] }}{{ eos_token }}{% endfor %}"
    Path("instruct/chat_template.jinja").write_text(template)
    edit(Path("instruct/tokenizer_config.json"), **{"eos_token": "w5"})
    result = merged(recipe("fused_task_arithmetic"))
    assert "ends on <|end|>, w5; template of instruct\n" in result.output
    changed = read("merge_provenance.json")["turns"]["changed"]
    assert 'tokenizer_config.json: eos_token "<|end|>" → "w5"' in changed
    chat = [{"role": "user", "content": "w2"}]
    texts = [
        AutoTokenizer.from_pretrained(name).apply_chat_template(chat, tokenize=False)
        for name in ("instruct", "out")
    ]
    assert texts == ["w2w5", "w2w5"]


def test_a_named_token_that_the_result_lacks(here: Path) -> None:
    Path("instruct/chat_template.jinja").write_text("{{ x }}{{ eos_token }}")
    words = {"<s>": 0, "<|end|>": 1, "<|turn|>": 5}
    words |= {f"w{i}": i for i in range(2, 64) if i != 5}
    save_tokenizer(Path("instruct"), words)
    edit(Path("instruct/tokenizer_config.json"), **{"eos_token": "<|turn|>"})
    written = recipe("fused_task_arithmetic", tokenizer_source="base")
    result = merged(written)
    assert "its tokenizer lacks <|turn|>; name instruct in tokenizer" in result.output
    assert not Path("out/chat_template.jinja").exists()
