"""The card of a merged model: what it is, how to use it, what it scored, what not."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import yaml

from lm_eval_iberian import __version__
from lm_eval_iberian.cards.card_differences import (
    CardDifferences,
    differences_of,
    differences_section,
)
from lm_eval_iberian.cards.card_limitations import limitations_section
from lm_eval_iberian.cards.card_metadata import card_metadata, with_metadata
from lm_eval_iberian.cards.card_results import (
    health_section,
    result_sections,
    settings_section,
)
from lm_eval_iberian.cards.card_subject import CardSubject
from lm_eval_iberian.cards.card_text import code, fenced, listed, table
from lm_eval_iberian.cards.exchange_record import lm_eval_version
from lm_eval_iberian.cards.merge_origin import MergedModel, MergeOrigin
from lm_eval_iberian.languages import available_languages, load_profile
from lm_eval_iberian.report.as_tables import escape_markdown
from lm_eval_iberian.report.tables import language_name
from mergekit_ext.inputs.turn_ends import EOS, TurnEnds


# it stands below the metadata of every card of ours
WRITTEN = "<!-- Written by `iberian card`"
# what follows it is the user's
KEPT = "<!-- Below this line the text is yours: `iberian card` keeps it. -->"
_MERGEKIT = "https://github.com/arcee-ai/mergekit"
_HARNESS = "https://github.com/EleutherAI/lm-evaluation-harness"
_PROJECT = "https://github.com/lm-eval-iberian/lm-eval-iberian"


def written_card(subject: CardSubject, kept: str = "") -> str:
    """Return the whole card, metadata and all, read back by huggingface_hub.

    Args:
        subject: The model.
        kept: What the user has written below the card.

    Raises:
        DataError: The metadata cannot be made, or samples cannot be used.
    """
    found = differences_of(subject)
    parts = [*_sections(subject, found), KEPT, *filter(None, (kept.strip("\n"),))]
    body = "\n\n".join(parts)
    return with_metadata(card_metadata(subject), f"{body}\n")


def _sections(subject: CardSubject, found: CardDifferences) -> Iterator[str]:
    yield f"{WRITTEN} of lm-eval-iberian {__version__}. -->"
    yield f"# {escape_markdown(subject.called.rpartition('/')[2])}"
    yield _about(subject)
    yield _recipe(subject.origin)
    yield _usage(subject)
    yield f"## Evaluation\n\n{_measured(subject)}"
    yield from result_sections(subject)
    yield from filter(None, (differences_section(subject, found),))
    yield from filter(None, (health_section(subject),))
    yield settings_section(subject)
    yield limitations_section(subject, found)


def _about(subject: CardSubject) -> str:
    origin = subject.origin
    models = [_linked(one) for one in origin.models if not one.is_base]
    base = [_linked(one) for one in origin.models if one.is_base]
    on = f", on top of {base[0]}" if base else ""
    text = (
        f"{code(subject.called)} is a merge of {listed(models or base)}"
        f"{on if models else ''}. Nothing was trained: its weights were computed from"
        f" theirs with [mergekit]({_MERGEKIT}) by the method {code(origin.method)}."
    )
    if subject.languages:
        names = listed([language_name(one) for one in subject.languages])
        text += f"\n\n**Languages:** {escape_markdown(names)}"
    return f"{text}\n\n**License:** {code(subject.license)}"


def _linked(one: MergedModel) -> str:
    if one.repo:
        return f"[{escape_markdown(one.name)}](https://huggingface.co/{one.repo})"
    return code(one.name)


def _recipe(origin: MergeOrigin) -> str:
    """Return what it was made of, and with what."""
    rows = [
        (
            _linked(one),
            "base" if one.is_base else "merged",
            escape_markdown(one.parameters) or "–",
            code(one.commit[:12]) if one.commit else "–",
        )
        for one in origin.models
    ]
    facts = []
    if origin.method.startswith("fused_"):
        plain_method = origin.method.removeprefix("fused_")
        facts.append(
            f"{code(origin.method)} is {code(plain_method)} as"
            f" [lm-eval-iberian]({_PROJECT}) computes it."
        )
    if origin.seed is not None:
        facts.append(f"Masks were drawn with seed {origin.seed}.")
    known = [
        f"{name} {origin.versions[name]}"
        for name in ("mergekit", "lm-eval-iberian", "torch", "transformers")
        if name in origin.versions
    ]
    if known:
        facts.append(f"Made with {escape_markdown(listed(known))}.")
    if origin.date:
        facts.append(f"Merged on {escape_markdown(origin.date)}.")
    text = yaml.safe_dump(
        dict(origin.recipe), sort_keys=False, allow_unicode=True, width=88
    )
    parts = [
        "## Merge recipe",
        table(("Model", "Role", "Parameters", "Commit"), rows, texts=4),
        fenced(text, "yaml"),
        " ".join(facts),
    ]
    return "\n\n".join(filter(None, parts))


def _usage(subject: CardSubject) -> str:
    """Return how to load and prompt it, and where it stops."""
    turns = subject.origin.turns
    chat = turns.template is not None if turns else _was_chatted_with(subject)
    name = json.dumps(subject.called)
    ask = json.dumps(_question(subject.languages), ensure_ascii=False)
    given = (
        f'messages = [{{"role": "user", "content": {ask}}}]\n'
        "inputs = tokenizer.apply_chat_template(\n"
        "    messages, add_generation_prompt=True, return_dict=True,"
        ' return_tensors="pt"\n'
        ").to(model.device)"
        if chat
        else f'inputs = tokenizer({ask}, return_tensors="pt").to(model.device)'
    )
    text = (
        "from transformers import AutoModelForCausalLM, AutoTokenizer\n\n"
        f"name = {name}\n"
        "tokenizer = AutoTokenizer.from_pretrained(name)\n"
        'model = AutoModelForCausalLM.from_pretrained(name, dtype="auto",'
        ' device_map="auto")\n\n'
        f"{given}\n"
        "output = model.generate(**inputs, max_new_tokens=256)\n"
        'answer = output[0, inputs["input_ids"].shape[1]:]\n'
        "print(tokenizer.decode(answer, skip_special_tokens=True))"
    )
    told = _prompting(subject.origin, turns, chat)
    return "\n\n".join(filter(None, ["## How to use", told, fenced(text, "python")]))


def _question(languages: Sequence[str]) -> str:
    """Return a question in the first of some languages that has one, else English."""
    packs = [one for one in languages if one in available_languages()]
    asked = (load_profile(one).sample_question for one in (*packs, "en"))
    return next(filter(None, asked), "")


def _was_chatted_with(subject: CardSubject) -> bool:
    cells = subject.model.every_cell()
    return any(one.chat_template for cell in cells for one in cell.settings())


def _prompting(origin: MergeOrigin, turns: TurnEnds | None, chat: bool) -> str:
    if turns is None:
        how = "with" if chat else "without"
        return (
            f"It was evaluated {how} a chat template. No folder of it was there to read"
            " the template and its end tokens from when this card was written."
        )
    of = f" of {code(origin.template_of)}" if origin.template_of else ""
    parts = [
        f"It has the chat template{of}: prompt it through the template."
        if chat
        else "It has no chat template: prompt it with plain text, to be continued."
    ]
    ends = turns.generation_ids(EOS) or turns.config_ids(EOS)
    if ends:
        named = [
            f"{code(turns.text(one) or '?')} ({one})" for one in ends
        ]  # fmt: skip
        where = "generation" if turns.generation_ids(EOS) else "model"
        parts.append(f"Its {where} settings stop it at {listed(named)}.")
    sampling = [
        f"{name} {turns.generation[name]}"
        for name in ("temperature", "top_p", "top_k")
        if turns.generation and name in turns.generation
    ]
    if sampling:
        parts.append(f"By default it samples with {escape_markdown(listed(sampling))}.")
    return " ".join(parts)


def _measured(subject: CardSubject) -> str:
    """Return what was measured with, and how uncertainty is told."""
    cells = subject.model.every_cell()
    versions = dict.fromkeys(
        version
        for cell in cells
        for result in cell.results
        if (version := lm_eval_version(result.source()))
    )
    at = sorted(one for one in versions if not one.startswith("commit "))
    used = f" {escape_markdown(listed(at))}" if at else ""
    return (
        f"Measured with [lm-evaluation-harness]({_HARNESS}){used} and the tasks of"
        f" [lm-eval-iberian]({_PROJECT}); `iberian card` wrote the tables from its"
        " results files. Scores are per cent, of translation BLEU, chrF++ and TER"
        " points. Intervals are 95 %; where items share a passage or a prompt they take"
        " it into account. They tell how much a score would vary with other items of"
        " the same kind, and nothing of other prompts or settings."
    )
