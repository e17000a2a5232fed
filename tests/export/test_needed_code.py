"""What is needed of some modules, and how they are written elsewhere."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from textwrap import dedent

import pytest

from lm_eval_iberian.errors import DataError
from lm_eval_iberian.export.exported_text import exported_text
from lm_eval_iberian.export.needed_code import NeededCode


# a package of ours that nobody else has
PACKAGE = "lm_eval_iberian.made_for_a_test"
MODULES = {
    "__init__": """
        from lm_eval_iberian.made_for_a_test.words import count
        __all__ = ["count"]
    """,
    "words": '''
        """Words."""

        from __future__ import annotations

        import re
        from collections.abc import Iterator, Mapping
        from dataclasses import dataclass
        from pathlib import Path
        from typing import Any, Final

        from lm_eval_iberian.made_for_a_test import signs


        # what is between two blanks
        _WORD: Final = re.compile(r"[^ ]+")
        # of no use to anybody
        _LEFT: Final = re.compile("left")


        @dataclass(frozen=True)
        class Found:
            """Words that were found."""

            words: tuple[str, ...]
            by_sign: Mapping[str, int]

            def __len__(self) -> int:
                return len(self.words)

            # asked for by a dot
            @property
            def first(self) -> str:
                """The first word."""
                return self.words[0]

            def last(self) -> str:
                """The last word."""
                return self.words[-1] + _unused()


        def _unused() -> str:
            return "unused"


        def count(text: str) -> int:
            """Return how many there are."""
            text = signs.without(text)  # noqa: S000
            found = Found(tuple(find(text)), {})
            return len(found) if found.first else 0


        def find(text: str) -> Iterator[str]:
            """Yield the words."""
            return (_WORD for _WORD in _WORD.findall(text))


        def listed(text: str, **_: Any) -> str:
            """Return what lies beside the module."""
            return Path(__file__).with_name("listed.toml").read_text()
    ''',
    "signs": '''
        """Signs."""

        from __future__ import annotations


        SIGNS = ".,"


        def without(text: str) -> str:
            """Return a text without them."""
            return text.strip(SIGNS)


        def only(text: str) -> str:
            """Return nothing else."""
            return "".join(c for c in text if c in SIGNS)
    ''',
    "entry": '''
        """The way in."""

        from __future__ import annotations

        from lm_eval_iberian.made_for_a_test import count


        def score(text: str) -> int:
            """Return the words of a text."""
            return count(text)
    ''',
    "hidden": '''
        """Imports where nobody looks."""

        def score(text: str) -> int:
            from lm_eval_iberian.made_for_a_test import count
            return count(text)
    ''',
}


@pytest.fixture(scope="module", autouse=True)
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    import lm_eval_iberian

    parent = tmp_path_factory.mktemp("made")
    folder = parent / PACKAGE.rpartition(".")[2]
    folder.mkdir()
    for name, text in MODULES.items():
        (folder / f"{name}.py").write_text(dedent(text).lstrip(), "utf-8")
    lm_eval_iberian.__path__.append(str(parent))
    yield
    lm_eval_iberian.__path__.remove(str(parent))
    for name in [name for name in sys.modules if name.startswith(PACKAGE)]:
        del sys.modules[name]


def needed(module: str, *names: str) -> NeededCode:
    return NeededCode(f"{PACKAGE}.{module}", names)


def renamed(module: str) -> str:
    return f"lm_eval.tasks.made.{module.removeprefix(f'{PACKAGE}.')}"


def text_of(code: NeededCode, module: str) -> str:
    return exported_text(code, code.modules[f"{PACKAGE}.{module}"], renamed)


def test_what_a_package_hands_on_is_taken_from_where_it_is() -> None:
    code = needed("entry", "score")
    assert sorted(code.modules) == [
        f"{PACKAGE}.{n}" for n in ("entry", "signs", "words")
    ]
    assert "from lm_eval.tasks.made.words import count\n" in text_of(code, "entry")


def test_what_nothing_comes_to_is_left_out() -> None:
    code = needed("entry", "score")
    words = text_of(code, "words")
    for gone in ("_LEFT", "of no use", "last", "_unused", "listed", "Any", "Path"):
        assert gone not in words, gone
    assert "only" not in text_of(code, "signs")


def test_what_is_left_stands_there_word_for_word() -> None:
    words = text_of(needed("entry", "score"), "words")
    for kept in (
        '"""Words."""\n\nfrom __future__',
        "# what is between two blanks\n_WORD: Final",
        "    # asked for by a dot\n    @property\n    def first",
        "    def __len__(self)",
        "    text = signs.without(text)\n",  # without the comment to a linter
        "from lm_eval.tasks.made import signs\n",
    ):
        assert kept in words, kept
    ast.parse(words)


def test_imports_that_only_types_need_are_set_apart() -> None:
    words = text_of(needed("words", "find"), "words")
    block = "if TYPE_CHECKING:\n    from collections.abc import Iterator\n"
    assert block in words
    # a dataclass may be asked for the types of its fields
    words = text_of(needed("entry", "score"), "words")
    assert block in words
    assert "\nfrom collections.abc import Mapping  # noqa: TC003" in words


def test_files_that_are_read_go_with_it() -> None:
    code = needed("words", "listed")
    module = code.modules[f"{PACKAGE}.words"]
    assert [path.name for path in module.resources()] == ["listed.toml"]
    assert not list(needed("words", "find").modules[f"{PACKAGE}.words"].resources())


def test_what_cannot_be_exported_is_said() -> None:
    with pytest.raises(DataError, match="score imports something of ours inside"):
        needed("hidden", "score")
    with pytest.raises(DataError, match="words defines no 'nothing'"):
        needed("words", "nothing")
    with pytest.raises(DataError, match="no module"):
        needed("nowhere", "score")
