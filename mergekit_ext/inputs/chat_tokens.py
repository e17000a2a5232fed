"""The tokens that a conversation is made of and that a base model has not learnt."""

from __future__ import annotations

from mergekit_ext.inputs.turn_ends import BOS, EOS, TurnEnds


def chat_tokens(instruct: TurnEnds, base: TurnEnds | None) -> tuple[str, ...]:
    """Return the tokens that the instructed model alone has learnt to use.

    They are the added tokens that its chat template writes, the tokens that it ends on,
    and those that the base has not. What the base itself begins and ends on is none of
    them: it has seen that between any two documents.

    Args:
        instruct: The instructed model.
        base: The base model; ``None`` where it is not here. What it ends on is then not
            known, and what it begins with is taken to be what the other does.

    Returns:
        The tokens in the order of their ids.
    """
    template = (
        "" if instruct.template is None else "\n".join(instruct.template.named.values())
    )
    # a line break may be an added token too
    found = {one for one in instruct.added if one.strip() and one in template}
    found |= _tokens(instruct, EOS)
    if base is None:
        found -= _tokens(instruct, BOS)
    else:
        if base.ids:
            found |= instruct.added.keys() - base.ids.keys()
        found -= _tokens(base, EOS) | _tokens(base, BOS)
    return tuple(sorted(found, key=lambda token: instruct.ids[token]))


def _tokens(model: TurnEnds, key: str) -> set[str]:
    texts = (model.text(number) for number in model.all_ids(key))
    return {text for text in texts if text}
