from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from lm_eval_iberian.demo import train as training
from lm_eval_iberian.demo.batches import Windows, dialogues, generator, stream
from lm_eval_iberian.demo.spec import Shape, Training
from lm_eval_iberian.demo.tokenizer import SPECIALS, train_tokenizer


SHAPE = Shape(vocabulary=300, hidden=16, intermediate=32, layers=1, heads=2)
TEXTS = ["Hau mendia da, eta hori itsasoa.", "This is a hill; that is the sea."] * 20


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return train_tokenizer(TEXTS, SHAPE.vocabulary)


@pytest.fixture
def windows(tokenizer: Any) -> Windows:
    return Windows([stream(TEXTS, tokenizer, "k")], [1.0], 16, "k")


def job(windows: Windows, out: Path, steps: int = 12) -> training.Job:
    return training.Job("base", Training(steps, 1e-2, rows=4, tokens=16), windows, out)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


def test_the_tokenizer_keeps_every_byte(tokenizer: Any) -> None:
    text = "¿Ñandú, l·l, ŀ, aita-amak? 😀\n\t"
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    assert len(tokenizer) == SHAPE.vocabulary
    assert [tokenizer.convert_tokens_to_ids(t) for t in SPECIALS] == [0, 1, 2, 3, 4]


def test_a_chat_ends_where_the_answer_begins(tokenizer: Any) -> None:
    chat = [{"role": "user", "content": "Kaixo"}]
    text = tokenizer.apply_chat_template(
        chat, tokenize=False, add_generation_prompt=True
    )
    assert text == "<|user|>Kaixo<|assistant|>"


def test_a_batch_depends_on_key_and_step_alone(windows: Windows) -> None:
    later, _ = windows.draw(7, 4)
    windows.draw(3, 4)
    again, _ = windows.draw(7, 4)
    assert torch.equal(later, again)
    assert not torch.equal(later, windows.draw(8, 4)[0])


def test_the_global_generator_is_left_alone(
    windows: Windows, tokenizer: Any, tmp_path: Path
) -> None:
    state = torch.get_rng_state()
    windows.draw(0, 2)
    generator("a", 1)
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.slow
def test_only_answers_are_learnt(tokenizer: Any) -> None:
    found = dialogues(tokenizer, "k", 400)
    inputs, labels = found.draw(0, 8)
    learnt = labels != -100
    assert torch.equal(inputs[learnt], labels[learnt])
    for row, kept in zip(inputs, learnt, strict=True):
        text = tokenizer.decode(row[kept])
        assert "<|user|>" not in text
        assert "<|assistant|>" not in text
        assert text.endswith("<|end|>")


def test_the_loss_falls(windows: Windows, tokenizer: Any, tmp_path: Path) -> None:
    losses: list[float] = []
    run = job(windows, tmp_path / "base", steps=40)
    training.train(run, SHAPE, tokenizer, lambda step, loss: losses.append(loss))
    assert losses[-1] < losses[0] - 1


def test_a_killed_run_goes_on_and_ends_with_the_same_weights(
    windows: Windows, tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "_EVERY", 5)
    whole = job(windows, tmp_path / "a" / "base")
    whole.out.parent.mkdir()
    training.train(whole, SHAPE, tokenizer, lambda step, loss: None)

    cut = job(windows, tmp_path / "b" / "base")
    cut.out.parent.mkdir()

    def die(step: int, loss: float) -> None:
        if step == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        training.train(cut, SHAPE, tokenizer, die)
    assert not cut.out.exists()
    steps: list[int] = []
    training.train(cut, SHAPE, tokenizer, lambda step, loss: steps.append(step))
    assert steps == list(range(6, 13))  # the checkpoint was at 5
    first, second = weights(whole.out), weights(cut.out)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert [p.name for p in cut.out.parent.iterdir()] == ["base"]


def test_what_is_saved_loads_with_its_tokenizer(
    windows: Windows, tokenizer: Any, tmp_path: Path
) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    run = job(windows, tmp_path / "base", steps=1)
    training.train(run, SHAPE, tokenizer, lambda step, loss: None)
    model = AutoModelForCausalLM.from_pretrained(run.out)
    loaded = AutoTokenizer.from_pretrained(run.out)
    assert model.config.vocab_size == len(loaded)
    assert loaded.chat_template == tokenizer.chat_template
