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
from lm_eval_iberian.languages.markup import laid_out, plain, without_code
from lm_eval_iberian.languages.matching import (
    allows_inflection,
    occurrences,
    starts_with,
)
from lm_eval_iberian.languages.profile import (
    LanguageProfile,
    available_languages,
    load_profile,
    read_pack,
)
from lm_eval_iberian.languages.segment import paragraphs, sentences, words


__all__ = [
    "TYPED",
    "LanguageDecision",
    "LanguageProfile",
    "allows_inflection",
    "available_languages",
    "capital_words",
    "compose",
    "decide_language",
    "fold",
    "fold_spaces",
    "fold_typed",
    "identify",
    "is_all_lower",
    "is_all_upper",
    "is_blank",
    "laid_out",
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
