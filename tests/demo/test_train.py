from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from lm_eval_iberian.demo import train as training
from lm_eval_iberian.demo.batches import Windows, dialogues, generator, stream
from lm_eval_iberian.demo.spec import Shape, Training
from lm_eval_iberian.demo.tokenizer import SPECIALS, train_tokenizer, with_chat


SHAPE = Shape(vocabulary=300, hidden=16, intermediate=32, layers=1, heads=2)
TEXTS = ["Hau mendia da, eta hori itsasoa.", "This is a hill; that is the sea."] * 20


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return train_tokenizer(TEXTS, SHAPE.vocabulary)


@pytest.fixture
def windows(tokenizer: Any) -> Windows:
    return Windows([stream(TEXTS, tokenizer, "k")], [1.0], 16, "k")


@pytest.fixture(scope="module")
def chat(tokenizer: Any) -> Any:
    return with_chat(tokenizer)


@pytest.fixture
def job(windows: Windows, tokenizer: Any) -> Callable[..., training.Job]:
    def make(out: Path, steps: int = 12) -> training.Job:
        settings = Training(steps, 1e-2, rows=4, tokens=16)
        return training.Job("base", settings, windows, tokenizer, out)

    return make


def weights(folder: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


def test_the_tokenizer_keeps_every_byte(tokenizer: Any) -> None:
    text = "¿Ñandú, l·l, ŀ, aita-amak? 😀\n\t"
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    assert len(tokenizer) == SHAPE.vocabulary
    assert [tokenizer.convert_tokens_to_ids(t) for t in SPECIALS] == [*range(6)]


def test_a_chat_ends_where_the_answer_begins(chat: Any) -> None:
    asked = [{"role": "user", "content": "Kaixo"}]
    text = chat.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
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
def test_only_answers_are_learnt(chat: Any) -> None:
    found = dialogues(chat, "k", 400)
    inputs, labels = found.draw(0, 8)
    learnt = labels != -100
    assert torch.equal(inputs[learnt], labels[learnt])
    for row, kept in zip(inputs, learnt, strict=True):
        text = chat.decode(row[kept])
        assert "<|user|>" not in text
        assert "<|assistant|>" not in text
        assert text.endswith("<|done|>")


def test_the_loss_falls(job: Callable[..., training.Job], tmp_path: Path) -> None:
    losses: list[float] = []
    run = job(tmp_path / "base", steps=40)
    training.train(run, SHAPE, lambda step, loss: losses.append(loss))
    assert losses[-1] < losses[0] - 1


def test_a_killed_run_goes_on_and_ends_with_the_same_weights(
    job: Callable[..., training.Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "_EVERY", 5)
    whole = job(tmp_path / "a" / "base")
    whole.out.parent.mkdir()
    training.train(whole, SHAPE, lambda step, loss: None)

    cut = job(tmp_path / "b" / "base")
    cut.out.parent.mkdir()

    def die(step: int, loss: float) -> None:
        if step == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        training.train(cut, SHAPE, die)
    assert not cut.out.exists()
    steps: list[int] = []
    training.train(cut, SHAPE, lambda step, loss: steps.append(step))
    assert steps == list(range(6, 13))  # the checkpoint was at 5
    first, second = weights(whole.out), weights(cut.out)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert [p.name for p in cut.out.parent.iterdir()] == ["base"]


def test_what_is_saved_loads_with_its_tokenizer(
    job: Callable[..., training.Job], tmp_path: Path
) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    run = job(tmp_path / "base", steps=1)
    training.train(run, SHAPE, lambda step, loss: None)
    model = AutoModelForCausalLM.from_pretrained(run.out)
    loaded = AutoTokenizer.from_pretrained(run.out)
    assert model.config.vocab_size == len(loaded)
    assert loaded.chat_template is None


def test_the_instructed_model_ends_on_a_token_that_the_base_never_sees(
    windows: Windows, tokenizer: Any, chat: Any, tmp_path: Path
) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    done = SPECIALS.index("<|done|>")
    assert done not in stream(TEXTS, tokenizer, "k")
    settings = Training(1, 1e-2, rows=4, tokens=16)
    run = training.Job("instruct", settings, windows, chat, tmp_path / "instruct")
    training.train(run, SHAPE, lambda step, loss: None)
    model = AutoModelForCausalLM.from_pretrained(run.out)
    assert model.generation_config.eos_token_id == [1, done]
    assert model.config.eos_token_id == [1, done]
    assert model.generation_config.temperature == 0.6
    loaded = AutoTokenizer.from_pretrained(run.out)
    assert loaded.chat_template == chat.chat_template
    assert loaded.eos_token_id == done
