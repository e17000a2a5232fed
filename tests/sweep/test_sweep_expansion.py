"""Specifications, good and bad: which cells come of them, what is said of them."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from sweep_specs import GOOD

from lm_eval_iberian.demo.tokenizer import train_tokenizer, with_chat
from lm_eval_iberian.demo.train import Shape, new_model
from lm_eval_iberian.sweep.placed_yaml import SweepSpecError
from lm_eval_iberian.sweep.sweep_cell import SweepCell
from lm_eval_iberian.sweep.sweep_expansion import expand
from lm_eval_iberian.sweep.sweep_spec import read_spec


Write = Callable[[str], Path]


def cells_of(path: Path) -> list[SweepCell]:
    return expand(read_spec(path))


def test_cells_are_models_by_suites(write: Write) -> None:
    found = [cell.id for cell in cells_of(write(GOOD))]
    assert found == [
        "base--ifeval-eu", "base--ifeval-gl", "base--english-all",
        "instruct--ifeval-eu", "instruct--ifeval-gl", "instruct--english-all",
        "expert-eu--ifeval-eu", "expert-eu--english-all",
        "expert-gl--ifeval-gl", "expert-gl--english-all",
        "task_arithmetic-eu-weight0.5--ifeval-eu",
        "task_arithmetic-eu-weight0.5--english-all",
        "task_arithmetic-eu-weight1--ifeval-eu",
        "task_arithmetic-eu-weight1--english-all",
        "task_arithmetic-gl-weight0.5--ifeval-gl",
        "task_arithmetic-gl-weight0.5--english-all",
        "task_arithmetic-gl-weight1--ifeval-gl",
        "task_arithmetic-gl-weight1--english-all",
        "linear-eu+gl--ifeval-eu", "linear-eu+gl--ifeval-gl",
        "linear-eu+gl--english-all",
    ]  # fmt: skip


def test_a_recipe_is_that_of_iberian_recipe(write: Write) -> None:
    cells = {cell.id: cell for cell in cells_of(write(GOOD))}
    assert cells["task_arithmetic-gl-weight0.5--ifeval-gl"].recipe == {
        "merge_method": "task_arithmetic",
        "base_model": "org/base",
        "models": [
            {"model": "org/instruct", "parameters": {"weight": 1.0}},
            {"model": "org/gl", "parameters": {"weight": 0.5}},
        ],
        "tokenizer_source": "org/instruct",
    }
    several = cells["linear-eu+gl--ifeval-eu"].recipe
    assert several is not None
    assert [one["parameters"]["weight"] for one in several["models"]] == [1.0, 0.5, 0.5]


def test_a_chat_template_is_for_models_that_chat(write: Write) -> None:
    cells = cells_of(write(GOOD))
    with_it = {c.role for c in cells if c.options["apply_chat_template"]}
    without = {c.role for c in cells if not c.options["apply_chat_template"]}
    assert with_it == {"merge", "instruct"}
    assert without == {"merge", "instruct", "base", "expert"}  # of the other suite
    all_of_them = GOOD.replace("template: true", "template: all")
    roles = {
        c.role for c in cells_of(write(all_of_them)) if c.options["apply_chat_template"]
    }
    assert roles == {"merge", "instruct", "base", "expert"}


def test_every_value_that_is_swept(write: Write) -> None:
    text = GOOD.replace(
        "  - method: linear\n    experts: all\n",
        "  - method: [fused_dare_ties, dare_linear]\n"
        "    experts: [eu]\n"
        "    weight: {instruct: [1, 2], experts: 0.5}\n"
        "    density: [0.2, 0.9]\n"
        "seeds: [1, 2]\n",
    )
    cells = [cell for cell in cells_of(write(text)) if "dare" in cell.method]
    models = {cell.model: cell for cell in cells}
    assert len(models) == 2 * 2 * 2 * 2
    ours = models[
        "fused_dare_ties-eu-weight.instruct2-weight.experts0.5-density0.9-seed2"
    ]
    assert ours.recipe is not None
    assert ours.recipe["parameters"] == {"density": 0.9, "seed": 2}
    assert ours.merge_seed is None
    theirs = models[
        "dare_linear-eu-weight.instruct1-weight.experts0.5-density0.2-seed1"
    ]
    assert theirs.merge_seed == 1
    assert theirs.recipe is not None
    assert theirs.recipe["models"][1]["parameters"] == {"weight": 0.5}
    # a method that draws nothing has one merge, whatever the seeds
    assert all(
        "seed" not in cell.model for cell in cells_of(write(GOOD + "seeds: 1\n"))
    )


def test_methods_that_keep_instructions_are_swept_as_any_other(write: Write) -> None:
    methods = """methods:
  - method: [null_space_lines, fused_lines]
    experts: eu
    weight: 0.5
    weight_mlp: {experts: [0.25, 0.75]}
    alpha: 0.1
  - method: fused_della
    experts: eu
    epsilon: {eu: 0.2}
    seed: 3
"""
    before, _, after = GOOD.partition("methods:")
    rest = after[after.index("suites:") :]
    cells = cells_of(write(f"{before}{methods}{rest}"))
    found = {cell.model: cell.recipe for cell in cells if cell.recipe is not None}
    assert len(found) == 5
    label = "eu-weight0.5-weight_mlp.experts0.75-alpha0.1"
    for method in ("null_space_lines", "fused_lines"):
        recipe = found[f"{method}-{label}"]
        assert recipe["merge_method"] == f"fused_{method.removeprefix('fused_')}"
        assert recipe["models"] == [
            {"model": "org/instruct", "parameters": {"weight": 1.0}},
            {"model": "org/eu", "parameters": {"weight": 0.5, "weight_mlp": 0.75}},
        ]
        assert recipe["parameters"]["alpha"] == 0.1
    della = found["fused_della-eu-epsilon.eu0.2-seed3"]
    assert della["models"][1]["parameters"] == {"weight": 1.0, "epsilon": 0.2}


@pytest.mark.slow
def test_whose_rows_of_chat_tokens_is_a_choice_of_a_method_too(write: Write) -> None:
    text = GOOD.replace("experts: all", "special_tokens: [average, instruct]")
    instruct = write(text).parent / "instruct"
    tokenizer = with_chat(train_tokenizer(["this is a text"], 300))
    shape = Shape(vocabulary=300, hidden=8, intermediate=8, layers=1, heads=1)
    new_model(shape, tokenizer, "instruct").save_pretrained(instruct)
    tokenizer.save_pretrained(instruct)
    text = text.replace("org/instruct", "./instruct")
    models = {c.model: c for c in cells_of(write(text)) if c.method == "linear"}
    assert list(models) == [
        f"linear-{lang}-special_tokens{whose}"
        for lang in ("eu", "gl")
        for whose in ("average", "instruct")
    ]
    merged, whole = list(models.values())[:2]
    assert merged.recipe is not None
    assert whole.recipe is not None
    assert "tokenizer" not in merged.recipe
    assert {"<|user|>", "<|done|>"} < {*whole.recipe["tokenizer"]["tokens"]}
    assert whole.values == {"special_tokens": "instruct"}
    wrong = text.replace("[average, instruct]", "[average, instrukt]")
    with pytest.raises(SweepSpecError, match=r"line 9.*Did you mean instruct"):
        cells_of(write(wrong))


def test_runs_have_other_seeds_and_one_name(write: Write) -> None:
    text = GOOD.replace("    apply_chat", "    runs: 3\n    apply_chat")
    cells = [cell for cell in cells_of(write(text)) if cell.id.startswith("base--ifev")]
    assert [cell.id for cell in cells[:3]] == [
        "base--ifeval-eu--run0", "base--ifeval-eu--run1", "base--ifeval-eu--run2"
    ]  # fmt: skip
    # those of the first are lm-eval's own; examples are the same in all
    assert [cell.options["seed"] for cell in cells[:3]] == [
        "0,1234,1234,1234", "1,1235,1235,1234", "2,1236,1236,1234"
    ]  # fmt: skip
    assert {cell.model for cell in cells} == {"base"}


def test_fewer_languages(write: Write) -> None:
    cells = cells_of(write(GOOD + "languages: gl\n"))
    assert {cell.languages for cell in cells} == {("gl",)}
    assert "linear-gl--ifeval-gl" in {cell.id for cell in cells}


def test_only_the_baselines_asked_for(write: Write) -> None:
    text = GOOD + "baselines: [instruct]\n"
    assert {c.role for c in cells_of(write(text))} == {"instruct", "merge"}
    assert {c.role for c in cells_of(write(GOOD + "baselines: false\n"))} == {"merge"}


def test_a_cell_is_data(write: Write) -> None:
    for cell in cells_of(write(GOOD)):
        again = SweepCell.from_data(json.loads(json.dumps(cell.as_data())))
        assert again.as_data() == cell.as_data()
        assert again.subject == cell.subject


def test_a_folder_is_found_from_where_the_file_is(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models" / "eu").mkdir(parents=True)
    path = write(GOOD.replace("org/eu", "models/eu"))
    monkeypatch.chdir("/")
    assert read_spec(path).experts["eu"] == str(tmp_path / "models" / "eu")


# why, what is replaced, by what, the line, what is said of it
BAD: list[tuple[str, str, str, int | None, str]] = [
    ("a key nobody knows", "methods:\n", "metods:\n", 5, "Did you mean methods"),
    ("an unknown role", "  instruct:", "  instruction:", 3, "Did you mean instruct"),
    ("no instruct", "  instruct: org/instruct\n", "", 1, "'instruct' is missing"),
    ("no models", "models:", "seeds: 3\nmodls:", 2, "Did you mean models"),
    ("no experts", "{eu: org/eu, gl: org/gl}", "{}", 4, "no language has a model"),
    ("one model, two roles", "org/gl", "org/eu", 4, "is both eu and gl"),
    ("a key twice", "  base: org/base", "  base: a/b\n  base: a/b", 3, "there twice"),
    ("no YAML", "methods:", "methods: [", None, "not YAML"),
    ("a list for a mapping", "experts: {eu: org/eu, gl: org/gl}", "experts: [a]", 4,
     "a mapping of keys is wanted"),
    ("a folder that is not there", "org/base", "./none", 2, "does not exist"),
    ("an adapter", "org/base", "org/base+lora", 2, "takes no adapters"),
    ("a number for a model", "org/base", "3", 2, "must be a text"),
    ("an unknown method", "task_arithmetic", "task_aritmetic", 6,
     "Did you mean task_arithmetic"),
    ("an unknown parameter", "    weight:", "    wieght:", 7, "Did you mean weight"),
    ("a parameter of another method", "    experts: all", "    density: 0.5", 9,
     "Unknown parameter of linear 'density'"),
    ("an impossible range", "0.5..1 step 0.5", "1..0.5 step 0.5", 7, "ends before"),
    ("a share above 1", "method: linear", "method: ties\n    density: [0.5, 1.5]", 9,
     "density must be a number from 0 to 1"),
    ("a weight that is none", "0.5..1 step 0.5", "heavy", 7, "must be a finite number"),
    ("a parameter that is needed", "method: linear\n    experts: all",
     "method: layer_swap\n    bottom: 1", 8, "layer_swap needs top"),
    ("no base for a method", "  base: org/base\n", "", 5, "models has no base"),
    ("too many languages", "method: linear", "method: nearswap", 9, "takes 1 language"),
    ("an unknown expert", "experts: all", "experts: [eus]", 9, "Did you mean eu"),
    ("a weight of an unknown model", "0.5..1 step 0.5", "{eus: 1}", 7,
     "Did you mean eu"),
    ("a value of the whole merge", "experts: all", "normalize: {eu: true}", 9,
     "one value for the whole merge"),
    ("the same merge twice", "method: linear\n    experts: all",
     "method: task_arithmetic\n    weight: [1, 2]", 8, "is the same merge as"),
    ("weights that sum to nothing", "experts: all", "weight: -1", 8, "sum to 0"),
    ("no tasks", "    tasks: {all: [iberian_ifeval_en_mini]}", "    limit: 3", 14,
     "'tasks' is missing"),
    ("tasks of an unknown language", "gl: [iberian", "ga: [iberian", 12,
     "Did you mean gl"),
    ("a task twice", "[iberian_ifeval_gl_mini]", "[a, a]", 12, "there twice"),
    ("an unknown key of a suite", "apply_chat_template", "chat_template", 13,
     "Did you mean apply_chat_template"),
    ("half a limit", "apply_chat_template: true", "limit: 0.5", 13, "whole number"),
    ("no runs", "apply_chat_template: true", "runs: 0", 13, "from 1 on"),
    ("a template for whom", "apply_chat_template: true", "apply_chat_template: 1", 13,
     "true (for merges"),
    ("a language that is not there", "suites:", "languages: ca\nsuites:", 10,
     "Unknown language 'ca'"),
    ("a baseline nobody knows", "suites:", "baselines: [basis]\nsuites:", 10,
     "Did you mean base"),
    ("an engine nobody knows", "suites:", "engine: hff\nsuites:", 10,
     "Did you mean hf"),
    ("vllm in memory", "suites:", "model_type: vllm\nsuites:", 10,
     "is for `engine: disk`"),
    ("what a sweep sets", "suites:", "model_args: {pretrained: x}\nsuites:", 10,
     "sets pretrained itself"),
    ("no such dtype", "suites:", "dtype: bf16\nsuites:", 10, "Did you mean bfloat16"),
    ("a seed twice", "suites:", "seeds: [1, 1]\nsuites:", 10, "there twice"),
    ("a seed below 0", "suites:", "seeds: [-1]\nsuites:", 10, "from 0 on"),
    ("a name for a folder outside", "  english:", "  ../english:", 14,
     "part of a file's name"),
    ("nothing to evaluate", GOOD[GOOD.index("methods"):GOOD.index("suites")],
     "baselines: false\n", 1, "nothing to evaluate"),
]  # fmt: skip


@pytest.mark.parametrize(("why", "old", "new", "line", "says"), BAD)
def test_what_is_wrong_is_said_with_its_line(
    why: str, old: str, new: str, line: int | None, says: str, write: Write
) -> None:
    assert old in GOOD
    path = write(GOOD.replace(old, new, 1))
    with pytest.raises(SweepSpecError) as error:
        cells_of(path)
    text = str(error.value)
    assert says in text
    assert "\n" not in text
    if line is not None:
        assert text.startswith(f"{path}, line {line}: ")


@pytest.mark.parametrize(
    ("text", "says"),
    [("", "is empty"), ("a: &a [*a]", "contains itself|not YAML"), ("- 1", "mapping")],
)
def test_a_file_that_is_no_specification(text: str, says: str, write: Write) -> None:
    with pytest.raises(SweepSpecError, match=says):
        cells_of(write(text))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SweepSpecError, match="cannot be read"):
        read_spec(tmp_path / "none.yaml")


def test_the_specification_of_the_readme(write: Write, root: Path) -> None:
    part = (root / "README.md").read_text("utf-8").partition("## Sweeps\n\n")[2]
    text = textwrap.dedent(part.partition("\n\n")[0])
    assert len(text.splitlines()) == 10
    cells = cells_of(write(text))
    assert len({cell.model for cell in cells}) == 4 + 2 * 8 + 2
    assert len({cell.run for cell in cells}) == 5
