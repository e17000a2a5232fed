"""The four training runs of the demo and what each learns from."""

from __future__ import annotations

from pathlib import Path

from lm_eval_iberian.demo.batches import Windows, dialogues, paragraphs, stream
from lm_eval_iberian.demo.spec import DemoSpec
from lm_eval_iberian.demo.tokenizer import train_tokenizer, with_chat
from lm_eval_iberian.demo.train import Job


def prepare(spec: DemoSpec, out: Path) -> list[Job]:
    """Return the jobs in an order in which they can be trained.

    The base learns English text; from it, one model English instructions; from the
    base again, each expert its language, with a share of English against forgetting.
    """
    texts = {lang: paragraphs(lang, spec.key) for lang in ("en", *spec.languages)}
    tokenizer = train_tokenizer(
        (text for lang in texts for text in texts[lang]), spec.shape.vocabulary
    )
    streams = {
        lang: stream(found, tokenizer, f"{spec.key}/{lang}")
        for lang, found in texts.items()
    }
    out.mkdir(parents=True, exist_ok=True)
    base = out / "base"
    english = Windows(
        [streams["en"]], [1.0], spec.base.tokens, f"{spec.key}/batches/base"
    )
    chat = with_chat(tokenizer)
    asked = dialogues(chat, spec.key, spec.instruct.tokens)
    jobs = [
        Job("base", spec.base, english, tokenizer, base),
        Job("instruct", spec.instruct, asked, chat, out / "instruct", base),
    ]
    for lang in spec.languages:
        windows = Windows(
            [streams[lang], streams["en"]],
            [1 - spec.replay, spec.replay],
            spec.expert.tokens,
            f"{spec.key}/batches/{lang}",
        )
        name = f"expert-{lang}"
        jobs.append(Job(name, spec.expert, windows, tokenizer, out / name, base))
    return jobs
