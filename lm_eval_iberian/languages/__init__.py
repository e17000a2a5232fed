"""Languages as data, and what the checks need from them: words, case, identity."""

from __future__ import annotations

from lm_eval_iberian.languages.casing import capital_words, is_all_lower, is_all_upper
from lm_eval_iberian.languages.detect import (
    LanguageDecision,
    decide_language,
    identify,
)
from lm_eval_iberian.languages.folding import (
    TYPED,
    compose,
    fold,
    fold_spaces,
    fold_typed,
    is_blank,
    typed_alike,
    visible,
)
from lm_eval_iberian.languages.form_licence import licence_of
from lm_eval_iberian.languages.letters import count_letter
from lm_eval_iberian.languages.markup import laid_out, plain, without_code
from lm_eval_iberian.languages.matching import occurrences, starts_with
from lm_eval_iberian.languages.profile import (
    LanguageProfile,
    available_languages,
    load_profile,
    read_pack,
)
from lm_eval_iberian.languages.rules import PromptWords
from lm_eval_iberian.languages.segment import paragraphs, sentences, words
from lm_eval_iberian.languages.word_forms import FULL_LICENCE, NO_LICENCE


__all__ = [
    "FULL_LICENCE",
    "NO_LICENCE",
    "TYPED",
    "LanguageDecision",
    "LanguageProfile",
    "PromptWords",
    "available_languages",
    "capital_words",
    "compose",
    "count_letter",
    "decide_language",
    "fold",
    "fold_spaces",
    "fold_typed",
    "identify",
    "is_all_lower",
    "is_all_upper",
    "is_blank",
    "laid_out",
    "licence_of",
    "load_profile",
    "occurrences",
    "paragraphs",
    "plain",
    "read_pack",
    "sentences",
    "starts_with",
    "typed_alike",
    "visible",
    "without_code",
    "words",
]
