"""The commands that the project's pages tell a reader to type, and a place for them."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from markdown_it import MarkdownIt


ROOT = Path(__file__).resolve().parent.parent
# what begins a line that is a command, where nothing else says that it is one
PROGRAMS = (
    *("iberian", "lm_eval", "mergekit-yaml", "python", "pip", "make", "git"),
    *("pre-commit", "."),
)


@dataclass(frozen=True)
class Written:
    """A command, or a few lines of Python, on a page."""

    page: str
    text: str
    is_python: bool = False

    @property
    def name(self) -> str:
        return f"{self.page}: {self.text.splitlines()[0]}"

    @property
    def words(self) -> list[str]:
        """It as its program gets it, without what stands for more of the same."""
        return [word for word in shlex.split(self.text) if word != "…"]


def pages() -> list[Path]:
    """Return every page of the project; not what environments and runs bring."""
    return [
        page
        for page in sorted([*ROOT.glob("*.md"), *ROOT.glob("*/**/*.md")])
        if not any(part.startswith(".") for part in page.relative_to(ROOT).parts)
        and "demo_output" not in page.parts
    ]


def written(pages: list[Path]) -> list[Written]:
    """Return what stands in the blocks of pages, each once on a page."""
    found = [one for page in pages for one in _on(page)]
    return list(dict.fromkeys(found))


def _on(page: Path) -> Iterator[Written]:
    name = page.relative_to(ROOT).as_posix()
    for token in MarkdownIt().parse(page.read_text("utf-8")):
        if token.type not in ("fence", "code_block"):
            continue
        kind = token.info.strip()
        if kind == "python" or token.content.startswith(("from ", "import ")):
            yield Written(name, token.content, is_python=True)
        elif kind in ("", "bash", "sh", "shell", "console"):
            for line in _lines(token.content):
                text = _command(line, is_shell=kind in ("bash", "sh", "shell"))
                if text:
                    yield Written(name, text)


def _lines(text: str) -> Iterator[str]:
    """Yield lines, those that belong together as one: a backslash, a loop."""
    text = re.sub(r"\\\n\s*", "", text)
    loop: list[str] = []
    for line in filter(str.strip, text.splitlines()):
        if loop or line.startswith("for "):
            loop.append(line)
            if line == "done":
                yield "\n".join(loop)
                loop = []
        else:
            yield line


def _command(line: str, *, is_shell: bool) -> str:
    """Return a line's command without its remark; an empty text where it has none."""
    prompted = line.startswith("$ ")
    text = re.sub(r"(?:^|\s+)# .*$", "", line.removeprefix("$ ")).strip()
    known = bool(text) and text.split()[0] in PROGRAMS
    return text if prompted or is_shell or known else ""


def make_models(folder: Path) -> None:
    """Save tiny models by every name that the pages give one."""
    from untrained_llamas import save_untrained

    save_untrained(
        folder,
        *("models/base", "models/instruct", "models/eu", "models/expert-eu"),
        *("models/gl", "models/merged", "merged", "MODEL", "INSTRUCT"),
    )


def make_recipes(folder: Path) -> None:
    """Write the recipes that commands take, and the sweep's specification."""
    models = [
        {"model": f"models/{name}", "parameters": {"weight": 0.5}}
        for name in ("instruct", "expert-eu")
    ]
    recipe: dict[str, Any] = {"merge_method": "fused_linear", "models": models}
    recipe |= {"dtype": "float32", "tokenizer_source": "models/instruct"}
    for name in ("recipe.yml", "linear-eu.yml"):
        (folder / name).write_text(yaml.safe_dump(recipe), "utf-8")
    said = folder / "models" / "merged" / "mergekit_config.yml"
    said.write_text(yaml.safe_dump(recipe), "utf-8")
    readme = MarkdownIt().parse((ROOT / "README.md").read_text("utf-8"))
    blocks = [token.content for token in readme if token.type == "code_block"]
    [spec] = [block for block in blocks if block.startswith("models: {base")]
    # the same tasks on prompts that are shipped
    spec = re.sub(r"(iberian_ifeval_\w\w)", r"\1_mini", spec)
    (folder / "sweep.yaml").write_text(spec, "utf-8")


def make_answers(folder: Path) -> None:
    """Write an answer, a file of answers with verdicts, and their prompts."""
    from lm_eval_iberian.ifeval.data import load

    (folder / "answer.txt").write_text("Kaixo, lagun. Hau da nire erantzuna.", "utf-8")
    asked, answered = [], []
    for prompt in load("en", "mini"):
        ids = list(prompt.instruction_ids)
        row = {"key": prompt.key, "prompt": prompt.prompt, "instruction_id_list": ids}
        asked.append(row | {"kwargs": list(prompt.kwargs)})
        told = {"follow_all_instructions": False}
        told |= {"follow_instruction_list": [False] * len(ids)}
        answered.append(row | {"response": "This is an answer, I think."} | told)
    for name, rows in (("input_data", asked), ("strict", answered)):
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(lines, "utf-8")
