"""What was asked last in a prompt that a chat template wrote."""

from __future__ import annotations

import pytest

from lm_eval_iberian.health import last_request


CHATML = "<|im_start|>system\nBe.<|im_end|>\n<|im_start|>user\n{}<|im_end|>\n"
LLAMA = (
    "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n{}<|eot_id|>"
    "<|start_header_id|>assistant<|end_header_id|>\n\n"
)


@pytest.mark.parametrize(
    ("prompt", "asked", "why"),
    [
        ("Q: Nor?\nA: Ni.\n\nQ: Non?\nA:", None, "no template: all of it was asked"),
        ("assistant\nuser\n", None, "roles without marks are words"),
        (CHATML.format("Non zaude?"), "Non zaude?", "ChatML"),
        (CHATML.format("Hitz bat:\nuser"), "Hitz bat:\nuser", "a word like a role"),
        (LLAMA.format("Non zaude?"), "Non zaude?", "Llama 3"),
        (LLAMA.format("Non zaude?") + "A:", "Non zaude?", "the answer is begun"),
        (
            LLAMA.format("Nor?") + "Ni.<|eot_id|>" + LLAMA.format("Non?"),
            "Non?",
            "an example went before",
        ),
        ("<s>[INST] Non zaude? [/INST]", "Non zaude?", "Llama 2, no roles"),
        ("<bos>Non zaude?", "Non zaude?", "a base model's mark"),
        ("<|im_start|>assistant\n", None, "nobody asked"),
        ("", None, "nothing"),
    ],
)
def test_the_last_request_is_what_a_user_said_last(
    prompt: str, asked: str | None, why: str
) -> None:
    assert last_request(prompt) == (prompt if asked is None else asked), why
