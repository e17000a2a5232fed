"""The name ``merged-vllm`` is known everywhere, and says so where vLLM is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest
from lm_eval.api.registry import model_registry

from lm_eval_iberian.harness.attach import MODELS, add_models


needs_none = pytest.mark.skipif(
    find_spec("vllm") is not None, reason="vLLM is installed here"
)


def test_it_is_registered_lazily() -> None:
    import lm_eval.models

    add_models(lm_eval.models)
    assert "merged-vllm" in model_registry
    assert MODELS["merged-vllm"] == ("lm_eval_iberian.harness.merged_vllm:MergedVLLM")


@needs_none
@pytest.mark.slow
def test_without_vllm_it_is_one_sentence() -> None:
    command = [
        sys.executable, "-m", "lm_eval", "--model", "merged-vllm", "--model_args",
        "recipe=none.yml", "--tasks", "iberian_ifeval_eu_mini",
    ]  # fmt: skip
    done = subprocess.run(
        command, capture_output=True, text=True, env=dict(os.environ), check=False
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("lm_eval: --model merged-vllm needs vLLM")
    assert 'pip install "lm_eval[vllm]"' in last
