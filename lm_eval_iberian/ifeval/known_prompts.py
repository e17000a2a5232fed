"""Whose prompts some texts are: which set's, in which language."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from lm_eval_iberian.download import cached
from lm_eval_iberian.errors import DataError, IberianError
from lm_eval_iberian.ifeval.data import (
    SETS,
    Prompt,
    languages,
    paper_source,
    read_set,
)
from lm_eval_iberian.languages import compose, decide_language, identify, load_profile
from lm_eval_iberian.terminal import one_line


_LOOKED_AT = 50


def plain(text: str) -> str:
    """Return a text as it is compared: in one Unicode form, white space folded."""
    return " ".join(compose(text).split())


def whose(texts: Sequence[str]) -> str:
    """Say in words whose prompts these are, as far as the sets that are here tell.

    Args:
        texts: The prompts, one at least.
    """
    wanted = {plain(text) for text in texts}
    found = Counter[str]()
    for name, prompts in _sets():
        own = {plain(t) for p in prompts for t in (p.prompt, p.published_prompt)}
        if both := len(wanted & own):
            found[name] = both
    if found:
        return " and ".join(f"prompts of {name}" for name, _ in found.most_common(3))
    lang = identify("\n\n".join(texts[:5]))
    which = f", in the language {lang!r} it seems" if lang else ""
    return f"prompts of no set that is here{which}: {one_line(texts[0], 60)!r}"


def require_language(texts: Sequence[str], lang: str, where: object) -> None:
    """Refuse prompts most of which are decidedly in another language.

    Args:
        texts: The prompts; some of many are looked at.
        lang: The language they should be in.
        where: Their file, for the message.

    Raises:
        DataError: They are in another one.
        UnknownNameError: There is no such language.
    """
    load_profile(lang)
    some = texts[:: 1 + len(texts) // _LOOKED_AT]
    wrong = [text for text in some if decide_language(text, lang).status == "rejected"]
    if 2 * len(wrong) > len(some):
        found = identify("\n\n".join(wrong[:5])) or "another language"
        raise DataError(
            f"{where}: the prompts seem to be in {found!r}, but --lang {lang} was "
            "asked for"
        )


def sets_in(lang: str) -> Iterator[tuple[str, tuple[Prompt, ...]]]:
    """Yield the sets of a language that are here, by name; nothing is fetched."""
    for which in SETS:
        if lang not in languages(which):
            continue
        if which == "paper" and not cached(paper_source(lang).locate(lang)).exists():
            continue
        try:
            yield set_name(which, lang), read_set(lang, which).prompts
        except IberianError:
            continue  # whoever asks for the set itself is told why


def _sets() -> Iterator[tuple[str, tuple[Prompt, ...]]]:
    """Yield every set that is here, by its name; nothing is fetched."""
    for lang in dict.fromkeys(lang for which in SETS for lang in languages(which)):
        yield from sets_in(lang)


def set_name(which: str, lang: str) -> str:
    """Return what a set of prompts is called in messages."""
    return f"the {which} set in {lang}"
