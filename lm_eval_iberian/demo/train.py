"""Train one tiny model; killed and started again, it goes on where it was."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from lm_eval_iberian.demo.batches import Batches, generator
from lm_eval_iberian.demo.spec import Shape, Training
from lm_eval_iberian.demo.tokenizer import SPECIALS


_EVERY = 25  # steps between two checkpoints
_WARMUP = 20


@dataclass(frozen=True)
class Job:
    """What to train, on what, with which tokenizer, into which folder, from where."""

    name: str
    training: Training
    batches: Batches
    tokenizer: Any
    out: Path
    start: Path | None = None


def new_model(shape: Shape, tokenizer: Any, key: str) -> Any:
    """Return an untrained Llama whose weights depend on ``key`` alone.

    With a chat template it is to end on the base's token and on the turn's, and it has
    sampling settings, as instructed models do.
    """
    from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

    ends = tokenizer.eos_token_id
    if tokenizer.chat_template:
        ends = [tokenizer.convert_tokens_to_ids(SPECIALS[1]), ends]

    config = LlamaConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        intermediate_size=shape.intermediate,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        max_position_embeddings=shape.positions,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=ends,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = LlamaForCausalLM(config)
    if tokenizer.chat_template:
        model.generation_config = GenerationConfig(
            bos_token_id=config.bos_token_id,
            eos_token_id=ends,
            pad_token_id=config.pad_token_id,
            do_sample=True,
            temperature=0.6,
            top_p=0.9,
        )
    draw = generator(key, "weights")
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.normal_(0.0, 0.02, generator=draw)
    return model


def train(job: Job, shape: Shape, progress: Callable[[int, float], None]) -> None:
    """Train and save; the folder ``job.out`` appears only when it is whole.

    Args:
        job: What to do. A checkpoint of the same job is taken up again.
        shape: Shape of the model.
        progress: Called after every step with its number and its loss.
    """
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # they would tear ours
    partial = job.out.with_name(f".{job.out.name}.partial")
    model = new_model(shape, job.tokenizer, job.name)
    if job.start is not None:
        _copy_weights(job.start, model)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=job.training.rate, betas=(0.9, 0.98), weight_decay=0.01
    )
    first = _resume(partial, model, optimizer)
    model.train()
    for step in range(first, job.training.steps):
        for group in optimizer.param_groups:
            group["lr"] = job.training.rate * _schedule(step, job.training.steps)
        inputs, labels = job.batches.draw(step, job.training.rows)
        loss = model(input_ids=inputs, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        progress(step + 1, float(loss.detach()))
        if (step + 1) % _EVERY == 0 and step + 1 < job.training.steps:
            _checkpoint(partial, model, optimizer, step + 1)
    _finish(partial, model, job.tokenizer, job.out)


def _copy_weights(folder: Path, model: Any) -> None:
    """Start from saved weights.

    Not ``from_pretrained``: it changes torch for all threads while it loads.
    """
    state = load_file(folder / "model.safetensors")
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.copy_(state[name])


def _schedule(step: int, steps: int) -> float:
    """Warm up, then fall linearly to a tenth."""
    return min(1.0, (step + 1) / _WARMUP) * (1.0 - 0.9 * step / steps)


def _checkpoint(partial: Path, model: Any, optimizer: Any, step: int) -> None:
    state: dict[str, torch.Tensor] = {"step": torch.tensor(step)}
    for name, weight in model.named_parameters():
        state[f"weight/{name}"] = weight.detach()
        for moment in ("exp_avg", "exp_avg_sq"):
            state[f"{moment}/{name}"] = optimizer.state[weight][moment]
    partial.mkdir(parents=True, exist_ok=True)
    writing = partial / "checkpoint.writing"
    save_file(state, writing)
    writing.replace(partial / "checkpoint.safetensors")


def _resume(partial: Path, model: Any, optimizer: Any) -> int:
    """Return the step to go on with; 0 where there is no checkpoint."""
    path = partial / "checkpoint.safetensors"
    if not path.is_file():
        return 0
    state = load_file(path)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.copy_(state[f"weight/{name}"])
            optimizer.state[weight] = {
                "step": state["step"].to(torch.float32),
                "exp_avg": state[f"exp_avg/{name}"],
                "exp_avg_sq": state[f"exp_avg_sq/{name}"],
            }
    return int(state["step"])


def _finish(partial: Path, model: Any, tokenizer: Any, out: Path) -> None:
    whole = out.with_name(f".{out.name}.whole")
    shutil.rmtree(whole, ignore_errors=True)
    model.eval()
    model.save_pretrained(whole)
    tokenizer.save_pretrained(whole)
    whole.rename(out)
    shutil.rmtree(partial, ignore_errors=True)
