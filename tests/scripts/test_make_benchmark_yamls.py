"""The task YAMLs of the benchmarks are what the catalogue says, and nothing else."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from lm_eval_iberian import download
from lm_eval_iberian.errors import IberianError
from lm_eval_iberian.ifeval import data as ifeval_data


COMMAND = "python scripts/make_benchmark_yamls.py"
# a family in two languages, with everything an entry needs
PROVERBS = """
[proverbs]
path = "own/proverbs"
revision = "main"
test = "test"
fewshot = "test"
columns = ["question", "answer"]
licence = "CC0-1.0"
mini = "rows"

[proverbs.eu]
task = "iberian_proverbs_eu"
what = "Proverbs, eu"

[proverbs.gl]
task = "iberian_proverbs_gl"
what = "Proverbs, gl"

[[proverbs.tasks]]
about = "Proverbs in $language"
mini = "3 $language proverbs, shipped"
config.doc_to_text = "$question: {{$column1}}\\n$answer:"
group = { name = "iberian_proverbs", about = "Proverbs", means = ["acc"] }
"""
Extended = Callable[[str], Path]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    path = Path(__file__).parents[2] / "scripts" / "make_benchmark_yamls.py"
    spec = importlib.util.spec_from_file_location("make_benchmark_yamls", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # a dataclass looks its module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def extended(root: Path, tmp_path: Path) -> Extended:
    """Return what writes the catalogue with one more entry."""

    def write(entry: str) -> Path:
        path = tmp_path / "BENCHMARKS.toml"
        text = (root / "data" / "BENCHMARKS.toml").read_text("utf-8")
        path.write_text(text + entry, "utf-8")
        return path

    return write


def below(folder: Path) -> dict[str, str]:
    paths = folder.rglob("*.yaml")
    return {str(p.relative_to(folder)): p.read_text("utf-8") for p in paths}


def test_the_yamls_are_what_the_script_writes(
    script: ModuleType, root: Path, tmp_path: Path
) -> None:
    script.main([str(tmp_path)])
    made, shipped = below(tmp_path), below(root / "task_configs")
    assert len(made) > 90
    stale = sorted(name for name, text in made.items() if shipped.get(name) != text)
    assert stale == [], f"stale or missing: run `{COMMAND}`"
    folders = {Path(name).parent for name in made}
    stray = {name for name in shipped if Path(name).parent in folders} - set(made)
    assert stray == set(), "in no entry of data/BENCHMARKS.toml: delete them"


def test_a_new_benchmark_is_one_entry(script: ModuleType, extended: Extended) -> None:
    before, after = script.yamls(), script.yamls(extended(PROVERBS))
    new = {f"proverbs/iberian_proverbs_{lang}.yaml" for lang in ("eu", "gl")}
    new |= {name.replace(".yaml", "_mini.yaml") for name in new}
    new |= {f"proverbs/iberian_proverbs{end}.yaml" for end in ("", "_mini")}
    assert set(after) - set(before) == new
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"suites/iberian_mini.yaml"}
    assert "  - iberian_proverbs_gl_mini\n" in after["suites/iberian_mini.yaml"]
    assert after["proverbs/iberian_proverbs_eu.yaml"] == (
        "include: _proverbs_template_yaml\n"
        "task: iberian_proverbs_eu\n"
        'doc_to_text: "Galdera: {{question}}\\nErantzuna:"\n'
        "dataset_kwargs:\n  dataset: proverbs\n  lang: eu\n  which: hub\n"
        "metadata:\n  version: 1.0\n  description: Proverbs in Basque\n"
    )
    assert (
        "task:\n  - iberian_proverbs_eu\n  - iberian_proverbs_gl\naggregate"
        in (after["proverbs/iberian_proverbs.yaml"])
    )


def test_a_language_of_ifeval_is_a_source_and_a_mini_set(
    script: ModuleType, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No list in a script or a YAML names the languages of IFEval."""
    before = script.yamls()
    shipped = root / "data"
    text = (shipped / "SOURCES.toml").read_text("utf-8")
    mini = tmp_path / "ifeval" / "mini"
    mini.mkdir(parents=True)
    for lang in ("ca", "en", "es", "eu", "gl"):
        (mini / f"{lang}.jsonl").touch()
    with monkeypatch.context() as patched:
        (tmp_path / "SOURCES.toml").write_text(text.replace('"ca", "es"]', '"es"]'))
        patched.setattr(download, "data", lambda: tmp_path)
        fewer = script.yamls()
    assert set(before) - set(fewer) == {"ifeval/iberian_ifeval_ca.yaml"}
    (mini / "ca.jsonl").unlink()
    monkeypatch.setattr(ifeval_data, "data", lambda: tmp_path)
    fewer = script.yamls()
    assert "ifeval/iberian_ifeval_ca_mini.yaml" in set(before) - set(fewer)
    suite = "suites/iberian_mini.yaml"
    assert "  - iberian_ifeval_ca_mini\n" in before[suite]
    assert "iberian_ifeval_ca_mini" not in fewer[suite]
    # a mean over the languages stays one over the same languages
    group = "ifeval/iberian_ifeval.yaml"
    assert fewer[group] == before[group]


@pytest.mark.parametrize(
    ("asked", "written", "said"),
    [
        ("$answer:", "$anwser:", r"'anwser'\. Did you mean answer"),
        ("mini = \"3", "mni = \"3", r"\[\[proverbs\.tasks\]\] lacks a key or has one"),
        (", about = \"Pro", ", abuot = \"Pro", r"group of \[\[proverbs\.tasks\]\] "),
        ("[proverbs.gl]", "[proverbs.pt]", r"'pt'\. .*Available: ca, en, es, eu, gl"),
        ("about = \"Proverbs in", "about = \"$ in", r"'\$ in \$language'.*placeholder"),
    ],
    ids=["word", "key", "group", "language", "dollar"],
)  # fmt: skip
def test_an_entry_that_is_not_right_is_named(
    script: ModuleType, extended: Extended, asked: str, written: str, said: str
) -> None:
    assert asked in PROVERBS
    path = extended(PROVERBS.replace(asked, written))
    with pytest.raises(IberianError, match=said):
        script.yamls(path)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ('[[suites]]\nname = "x"', r"\[\[suites\]\] lacks a key or has one too many"),
        (
            PROVERBS + '[[proverbs.tasks]]\nmini = "x"\ndirections = ["eu-fr"]',
            r"language of proverbs 'eu'",
        ),
    ],
)
def test_a_suite_or_a_direction_that_is_not_right_is_named(
    script: ModuleType, extended: Extended, entry: str, said: str
) -> None:
    path = extended(entry)
    with pytest.raises(IberianError, match=said):
        script.yamls(path)
