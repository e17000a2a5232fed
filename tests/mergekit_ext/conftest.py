"""What the tests of the merge methods share: tables, poison, tiny models."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_models import save_tokenizer


CASES = Path(__file__).parent / "cases"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test that takes ``case`` each row of its module's ``TABLE``."""
    if "case" in metafunc.fixturenames:
        rows = table(metafunc.module.TABLE)
        metafunc.parametrize("case", rows, ids=[row["why"] for row in rows])


def table(name: str) -> list[dict[str, Any]]:
    lines = (CASES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture
def poison() -> Iterator[None]:
    """Fill uninitialised memory with NaN, so that reading it shows."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(before)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``llama`` and, near it, ``basque`` and ``galician``: tiny, bf16."""
    from safetensors.torch import load_file, save_file
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("models")
    config = LlamaConfig(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        vocab_size=64,
        tie_word_embeddings=False,
        dtype="bfloat16",
    )
    base = folder / "llama"
    LlamaForCausalLM(config).bfloat16().save_pretrained(base)
    save_tokenizer(base)
    generator = torch.Generator().manual_seed(0)
    file = "model.safetensors"
    shapes = {name: tensor.shape for name, tensor in load_file(base / file).items()}
    weights = {
        name: torch.randn(shape, generator=generator).mul_(0.1)
        for name, shape in shapes.items()
    }
    for name in ("llama", "basque", "galician"):
        if name != "llama":
            shutil.copytree(base, folder / name)
        noise = 0.0 if name == "llama" else 0.01
        tensors = {
            key: (value + torch.randn(value.shape, generator=generator) * noise)
            for key, value in weights.items()
        }
        tensors = {key: value.bfloat16() for key, value in tensors.items()}
        save_file(tensors, folder / name / file, metadata={"format": "pt"})
    return folder


@pytest.fixture
def own_models(models: Path, tmp_path: Path) -> Path:
    """A copy of ``models`` that a test may break; the current folder of its recipes."""
    folder = tmp_path / "work" / "models"
    shutil.copytree(models, folder)
    return folder


def unexpected(error: Exception) -> None:
    raise AssertionError("a fault of ours") from error


@pytest.fixture
def attached(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """mergekit with our guard, offline; its loaders are let go of at the end."""
    import mergekit.merge
    import mergekit.options
    from huggingface_hub import constants
    from mergekit.io.tasks import LoaderCache
    from mergekit.scripts import run_yaml

    from mergekit_ext import attach

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    attach.guard_run_merge(mergekit.merge, unexpected)
    attach.guard_run_merge(run_yaml, unexpected)
    attach.guard_commands(mergekit.options, unexpected)
    yield
    LoaderCache().loaders.clear()


@pytest.fixture
def work(own_models: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, in which ``models`` are."""
    monkeypatch.chdir(own_models.parent)
    return own_models.parent
