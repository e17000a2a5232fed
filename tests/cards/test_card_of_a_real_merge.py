"""A folder that `iberian merge` has written, and its card."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from huggingface_hub import ModelCard
from made_results import Results

from lm_eval_iberian.cli import main


sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "mergekit_ext"))

from tiny_models import make_models


@pytest.mark.slow
def test_the_card_of_a_merge_takes_the_place_of_mergekit_s(
    tmp_path: Path, results: Results
) -> None:
    models = make_models(tmp_path / "models", "llama")
    recipe = tmp_path / "recipe.yml"
    recipe.write_text(
        f"merge_method: fused_task_arithmetic\nbase_model: {models / 'base'}\nmodels:\n"
        f"  - model: {models / 'basque'}\n    parameters: {{weight: 0.5}}\n"
        f"  - model: {models / 'instruct'}\n    parameters: {{weight: 1.0}}\n"
        "dtype: bfloat16\n"
    )
    out = tmp_path / "merged"
    run = CliRunner()
    done = run.invoke(main, ["merge", str(recipe), str(out), "-q"])
    assert done.exit_code == 0, done.output
    assert "mergekit" in (out / "README.md").read_text()
    results.write({"belebele_eus_Latn": 0.5}, model=str(out))
    command = ["card", str(out), str(results.root), "--license", "apache-2.0"]
    done = run.invoke(main, command)
    assert done.exit_code == 0, done.output
    assert "the README.md that mergekit wrote was replaced" in done.stderr
    text = (out / "README.md").read_text()
    assert "`fused_task_arithmetic` is `task_arithmetic` as" in text
    assert "on top of `base`" in text
    assert "| `basque` | merged | weight 0.5 |" in text
    assert str(tmp_path) not in text
    data: Any = ModelCard.load(out / "README.md").data
    assert data.eval_results[0].metric_value == 50.0
    # ours in turn makes way for ours alone
    assert run.invoke(main, command).exit_code == 0
