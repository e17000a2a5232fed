"""Packs are found, read and refused."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from lm_eval_iberian.errors import DataError, UnknownNameError
from lm_eval_iberian.languages import available_languages, load_profile, read_pack


CASES = Path(__file__).parent.parent / "cases" / "languages"
PACK = (CASES / "it.toml").read_text("utf-8")


def written(folder: Path, text: str, name: str = "it.toml") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize("lang", available_languages())
def test_every_pack_is_complete(lang: str) -> None:
    profile = load_profile(lang)
    assert profile.code == lang
    assert len(profile.constrained.options) == 3
    assert profile.quotes.double
    assert profile.sample_question.endswith("?")
    assert lang in profile.asked_in


def test_basque_and_english_are_there_and_cached() -> None:
    assert {"eu", "en"} <= set(available_languages())
    assert load_profile("eu") is load_profile("eu")


def test_an_unknown_language_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"'eus'.*Did you mean eu"):
        load_profile("eus")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('endonym = "italiano"\n', "", r"it\.toml: missing key 'endonym'"),
        (
            "[opening]",
            "[opening]\nwrods = []",
            r"it\.toml: opening: unknown key 'wrods'",
        ),
        (
            'joiners = ["-", "\'", "’"]',
            'joiners = "-"',
            r"words: joiners must be tuple",
        ),
        (
            "arabic_ordinals = true",
            "arabic_ordinals = 1",
            r"arabic_ordinals must be bool",
        ),
        ('match = "word"', 'match = "words"', r"keywords: match must be"),
        (
            'match = "word"',
            'match = "stem"',
            r"keywords: endings belong to match = 'stem'",
        ),
        ('["after"]', '["behind"]', r"sections: number_positions may hold"),
        ('["after"]', "[]", r"sections: number_positions is empty"),
        (
            'before_word = ["sig"',
            'before_word = ["Sig."',
            r"sentences: abbreviation 'Sig\.'",
        ),
        ('closing = ["ecc"', 'closing = ["sig"', r"abbreviation 'sig' stands twice"),
        ("suffix_joiners = []", 'suffix_joiners = ["+"]', r"words: suffix_joiners"),
        ('joiners = ["-"', 'joiners = ["ab"', r"words: a joiner must be one mark"),
        ('["«", "»"]]\n\n[post', '["<", ">"]]\n\n[post', r"quotes: double quotes"),
        ("pairs = [['\"', '\"']", "pairs = [['\"']", r"pairs\[0\] must hold 2 values"),
        ('code = "it"', 'code = "Italian"', r"is not an ISO 639 code"),
        ('code = "it"', 'code = "gl"', r"code 'gl' is not the file's name"),
        ('en = ["in inglese"]', "en = 1", r"asked_in\.en must be"),
        (
            '1 = ["uno"',
            'uno = ["uno"',
            r"it\.toml: prompts: numbers: 'uno' is no number",
        ),
        ('code = "it"', "code = ", r"it\.toml is not TOML"),
    ],
)
def test_a_wrong_pack_is_refused_with_file_and_key(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in PACK
    with pytest.raises(DataError, match=message):
        read_pack(written(tmp_path, PACK.replace(old, new)))


# Where a code may stand: what the demonstration trains, what Google's scorer knows.
NAMED_IN = {
    "demo/spec.py",
    "export/upstream_ifeval.py",  # of a function for each task, which its YAML names
    "harness/vllm_engine.py",  # "pt" is PyTorch there
    "ifeval/original/language_checks.py",
}


def named(text: str) -> set[str]:
    """Return the languages, English aside, that strings of a module name."""
    codes = set(available_languages()) - {"en"}
    names = {load_profile(code).name for code in codes}
    strings = {
        n.value for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Constant)
    }
    return {s for s in strings if isinstance(s, str)} & (codes | names)


def test_no_module_names_a_language(root: Path) -> None:
    """A language is its files: code that lists languages would lack the next one."""
    package = root / "lm_eval_iberian"
    found = {
        str(path.relative_to(package)): sorted(names)
        for path in package.rglob("*.py")
        if (names := named(path.read_text("utf-8")))
    }
    assert {k: v for k, v in found.items() if k not in NAMED_IN} == {}
    assert named('A = {"gl": "Galician"}') == {"gl", "Galician"}
