"""These tests need vLLM, which has an environment of its own: `make vllm-check`."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import pytest
from untrained_models import save_models


HERE = Path(__file__).parent
MISSING = "NO VLLM: vLLM is not installed here; `make vllm-check` runs these"

# the smallest cache that it takes, of a machine's memory
os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.slow)
            item.add_marker(
                pytest.mark.skipif(find_spec("vllm") is None, reason=MISSING)
            )


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models, their recipe ``eu.yml`` and its result ``out``."""
    return save_models(tmp_path_factory.mktemp("llama"), "llama", tied=False)
