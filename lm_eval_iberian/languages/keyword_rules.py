"""The part of a language pack about keywords: endings of stems, forms of words."""

from __future__ import annotations

from dataclasses import dataclass

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.languages.rules import Pairs


Listed = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Endings:
    """Endings that follow one of the letters ``after``.

    Attributes:
        after: The letters.
        forms: The endings.
        only: How a word must end to take them; without it, as it likes.
        names: Whether only names take them.
    """

    after: str
    forms: tuple[str, ...]
    only: tuple[str, ...] = ()
    names: bool = False


@dataclass(frozen=True)
class CueRules:
    """How a prompt lets a keyword change its form.

    A cue counts where it speaks of the keywords: beside them, and not in a clause about
    one of the ``topics`` (an essay on plurals licenses none).

    Attributes:
        number: Words for the plural.
        gender: Words for the feminine.
        verb: Words for conjugation.
        every: Words for all forms.
        refusals: Words that take a cue back: only in the singular.
        topics: Words for what is written about, or asked.
        names: What a prompt calls a keyword.
        partitives: A cue for all forms counts for nothing before these: any form of
            poetry.
        pronouns: Words for a keyword just named, which may follow a partitive.
        conjunctions: Words that join another request.
        alternatives: Words that join another form: perro or perros.
        number_names: What has one form or another: number, singular.
        gender_names: The same of gender.
        verb_names: The same of verbs: tense, infinitive.
        freeing: Words before such a name that let it vary: regardless of the number.
        freed: The same behind it: in the tense that you like.
        denials: Words that forbid it: avoid the plural.
        permissions: Words that let it pass where a keyword is forbidden.
        using: Words for using or avoiding, right before a cue. What stands before them
            is no topic of it: describe the sea without any form of blue.
    """

    number: tuple[str, ...] = ()
    gender: tuple[str, ...] = ()
    verb: tuple[str, ...] = ()
    every: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    partitives: tuple[str, ...] = ()
    pronouns: tuple[str, ...] = ()
    conjunctions: tuple[str, ...] = ()
    alternatives: tuple[str, ...] = ()
    number_names: tuple[str, ...] = ()
    gender_names: tuple[str, ...] = ()
    verb_names: tuple[str, ...] = ()
    freeing: tuple[str, ...] = ()
    freed: tuple[str, ...] = ()
    denials: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()
    using: tuple[str, ...] = ()


@dataclass(frozen=True)
class FormRules:
    """How a word changes, as far as no lexicon is needed to know it.

    Attributes:
        plurals: Endings of singular and plural. Those for the longest ending count.
        shifting_plurals: The same, where an accent comes, goes or moves.
        irregular_plurals: Whole words, singular and plural.
        only_irregular: Words without a regular plural.
        genders: Endings of masculine and feminine, singular; the lexicon must agree.
        sure_genders: Those whose lemmas need not agree: trabajador, trabajadora.
        gendered: Masculines whose feminine is regular, whatever the lexicon says.
        irregular_genders: Whole words, masculine and feminine.
        participles: Endings of masculine participles and of their infinitives.
        adverb: What an adjective's feminine takes to become an adverb.
        strangers: Words that look like a form of another and are none.
        verb_signs: Endings of infinitives, and of a form that only verbs have. Without
            them a common lemma is enough for a verb.
        conjugation: For the end of an infinitive, what may stand there instead.
        stem_changes: What the last vowel before that end may become.
        verb_forms: For an infinitive, forms that the lexicon gives to another word.
        clitics: Pronouns behind a verb, written as one word.
    """

    plurals: Pairs = ()
    shifting_plurals: Pairs = ()
    irregular_plurals: Pairs = ()
    only_irregular: tuple[str, ...] = ()
    genders: Pairs = ()
    sure_genders: Pairs = ()
    gendered: tuple[str, ...] = ()
    irregular_genders: Pairs = ()
    participles: Pairs = ()
    adverb: str = ""
    strangers: Pairs = ()
    verb_signs: Pairs = ()
    conjugation: Listed = ()
    stem_changes: Pairs = ()
    verb_forms: Listed = ()
    clitics: tuple[str, ...] = ()


@dataclass(frozen=True)
class KeywordRules:
    """Whether a keyword is a word or a stem, and the forms it may take.

    A stem carries the endings. A word takes its forms, and only those that a prompt
    allows by one of the cues.
    """

    match: str
    cues: CueRules = CueRules()
    forms: FormRules = FormRules()
    chaining: tuple[str, ...] = ()
    articles: tuple[str, ...] = ()
    plural_articles: tuple[str, ...] = ()
    undivided: tuple[str, ...] = ()
    dropped_finals: tuple[str, ...] = ()
    dropped_forms: tuple[str, ...] = ()
    name_forms: tuple[str, ...] = ()
    plural_name_forms: tuple[str, ...] = ()
    softened_names: Pairs = ()
    softened_forms: tuple[str, ...] = ()
    doubled_finals: tuple[str, ...] = ()
    undoubled: tuple[str, ...] = ()
    endings: tuple[Endings, ...] = ()
    other_words: tuple[str, ...] = ()
    sure_endings: tuple[str, ...] = ()
    undeclined: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.match not in ("word", "stem"):
            raise DataError(f"match must be 'word' or 'stem', not {self.match!r}")
        if (self.match == "stem") != bool(self.endings):
            raise DataError("endings belong to match = 'stem', and only to it")
        if self.match == "stem" and (self.cues, self.forms) != (
            CueRules(),
            FormRules(),
        ):
            raise DataError(
                "forms and cues belong to match = 'word': a stem has endings"
            )
