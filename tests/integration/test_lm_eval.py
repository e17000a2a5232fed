"""``lm_eval`` itself, on a tiny model, without a network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


# an untrained model would say nothing: it may not end its turn
GENERATION = {"max_gen_toks": 16, "suppress_tokens": [0, 1, 2, 3, 4, 5]}
LANGUAGES = ("eu", "gl", "ca", "es", "en")


@pytest.fixture(scope="module")
def results(model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run the group; a proxy that nobody listens on stands for no network."""
    out = tmp_path_factory.mktemp("results")
    nowhere = {name: "http://127.0.0.1:9" for name in ("http_proxy", "https_proxy")}
    done = subprocess.run(
        [
            *(sys.executable, "-m", "lm_eval", "--model", "hf"),
            *("--model_args", f"pretrained={model}", "--device", "cpu"),
            *("--tasks", "iberian_ifeval_mini", "--batch_size", "50"),
            *("--gen_kwargs", json.dumps(GENERATION)),
            "--apply_chat_template",
            *("--output_path", str(out), "--log_samples"),
        ],
        capture_output=True,
        text=True,
        cwd=out,
        env=os.environ | nowhere | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(out / "hf")},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (path,) = out.rglob("results_*.json")
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found | {"stdout": done.stdout, "folder": str(out)}


@pytest.mark.slow
def test_both_scorings_come_with_standard_errors(results: dict[str, Any]) -> None:
    for name in (*LANGUAGES, ""):
        task = f"iberian_ifeval_{name}_mini" if name else "iberian_ifeval_mini"
        found = results["results"][task]
        for level in ("prompt", "inst"):
            for suffix in ("", "_original"):
                metric = f"{level}_level_loose_acc{suffix}"
                assert 0 <= found[f"{metric},none"] <= 1
                assert 0 <= found[f"{metric}_stderr,none"] < 0.2, (task, metric)
    assert "N/A" not in results["stdout"]


@pytest.mark.slow
def test_a_model_that_never_stops_is_seen(results: dict[str, Any]) -> None:
    """Of 16 tokens that nobody trained, hardly any is the end of a turn."""
    found = results["results"]["iberian_ifeval_mini"]
    for name in ("eu", "en"):
        task = results["results"][f"iberian_ifeval_{name}_mini"]
        assert task["no_stop_rate,none"] > 0.5
        assert task["no_stop_rate_stderr,none"] >= 0
        assert task["stop_rate,none"] <= 1 - task["no_stop_rate,none"] + 1e-9
    assert found["inst_level_strict_acc_first_turn,none"] <= 1


@pytest.mark.slow
def test_the_group_is_the_plain_mean(results: dict[str, Any]) -> None:
    found = results["results"]
    metric = "inst_level_strict_acc_macro,none"
    each = [found[f"iberian_ifeval_{lang}_mini"][metric] for lang in LANGUAGES]
    assert found["iberian_ifeval_mini"][metric] == pytest.approx(sum(each) / 5)


@pytest.mark.slow
def test_logged_samples_score_the_same(results: dict[str, Any], tmp_path: Path) -> None:
    (samples,) = Path(results["folder"]).rglob("samples_iberian_ifeval_ca_mini_*.jsonl")
    out = tmp_path / "scores.json"
    subprocess.run(
        [
            *(sys.executable, "-m", "lm_eval_iberian.cli", "score", str(samples)),
            *("--lang", "ca", "--set", "mini", "--scoring", "both"),
            *("--json", str(out)),
        ],
        capture_output=True,
        check=True,
    )
    scores = json.loads(out.read_text("utf-8"))["metrics"]
    found = results["results"]["iberian_ifeval_ca_mini"]
    for metric in ("inst_level_strict_acc", "prompt_level_loose_acc_original"):
        assert scores[metric] == pytest.approx(found[f"{metric},none"])
