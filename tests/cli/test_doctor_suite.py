from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hub_place import Place
from hub_server import NEW


def write(place: Place, name: str, code: str, more: str) -> None:
    """Add a task with functions of its own."""
    (place.tasks / f"{name}.py").write_text(code, encoding="utf-8")
    place.task(name, "own/good", more=more)


@pytest.mark.slow
def test_a_suite_is_tried_offline_and_without_a_model(place: Place) -> None:
    hub = place.hub
    assert hub is not None
    for name in ("good", "second", "gated"):
        place.task(name)
    assert place.run("fetch", "good", "second").returncode == 0
    hub.asked.clear()
    whole = place.run("doctor", "good", "second", "iberian_ifeval_eu_mini")
    assert whole.returncode == 0, whole.stdout + whole.stderr
    cells = {line.split()[1]: line.split() for line in whole.stdout.splitlines()[1:]}
    assert cells["good"] == ["✓", "good", "20", "2", cells["good"][4], "ok"]
    question = "Galdera: train 1000?\nErantzuna: ez"
    assert 80 < int(cells["good"][4]) <= 3 * len(question) + 2
    assert cells["iberian_ifeval_eu_mini"][2:4] == ["50", "0"]
    assert "3 of 3 tasks would run here; compared with" in whole.stdout
    shots = place.run("doctor", "good", "iberian_ifeval_eu_mini", "--num_fewshot", "5")
    lines = {line.split()[1]: line.split() for line in shots.stdout.splitlines()[1:]}
    assert lines["good"][3] == "5"
    assert int(lines["good"][4]) > int(cells["good"][4])
    assert lines["iberian_ifeval_eu_mini"][3] == "0"  # the task fixes it
    missing = place.run("doctor", "good", "gated")
    assert missing.returncode == 1
    network = "(this check never uses the network)"
    assert f"gated: own/gated is not in the cache {network}: where" in missing.stdout
    assert f"`iberian fetch gated --include-path {place.tasks}`" in missing.stdout
    assert "OFFLINE" not in missing.stdout
    assert "All at once" not in missing.stdout
    assert "1 of 2 tasks would run here" in missing.stdout
    assert not hub.asked, "the network was used"


@pytest.mark.slow
def test_no_task_takes_the_others_along(place: Place) -> None:
    place.task("good")
    write(place, "kills", "import os\n\n\ndef f(doc):\n    os.kill(os.getpid(), 9)\n",
          "process_docs: !function kills.f")  # fmt: skip
    write(place, "exits", "def f(docs):\n    raise SystemExit(3)\n",
          "process_docs: !function exits.f")  # fmt: skip
    write(place, "hangs", "import time\n\n\ndef f(docs):\n    time.sleep(600)\n",
          "process_docs: !function hangs.f")  # fmt: skip
    write(place, "raises", "def f(docs):\n    raise KeyError('\\x1b[2J[red]no')\n",
          "process_docs: !function raises.f")  # fmt: skip
    write(place, "imports", "from transformers.data.metrics import no_such\n",
          "process_docs: !function imports.f")  # fmt: skip
    write(place, "prints", "def f(docs):\n    print('no JSON')\n    return docs\n",
          "process_docs: !function prints.f")  # fmt: skip
    write(place, "empty", "def f(docs):\n    return docs.select([])\n",
          "process_docs: !function empty.f")  # fmt: skip
    place.task("no_package", "own/good", more="process_docs: !function no_such_pkg.f")
    place.task("no_split", "own/good", more="validation_split: dev\ntest_split: dev")
    place.task("no_field", "own/good", text="{{{{answer.upper()}}}}")
    names = (
        "kills", "exits", "hangs", "raises", "imports", "prints", "empty",
        "no_package", "no_split", "no_field", "good",
    )  # fmt: skip
    place.group("everything", *names)
    assert place.run("fetch", "good").returncode == 0
    started = time.monotonic()
    result = place.run("doctor", "everything", "--timeout", "8")
    assert time.monotonic() - started < 200
    assert result.returncode == 1
    out = result.stdout
    assert "Traceback" not in out + result.stderr
    assert "2 of 11 tasks would run here" in out
    marks = {line.split()[1]: line.split()[0] for line in out.splitlines()[1:12]}
    assert {name for name, mark in marks.items() if mark == "✓"} == {"good", "prints"}
    why = dict(line.split(": ", 1) for line in out.splitlines()[12:] if ": " in line)
    assert why["kills"].startswith("ended its process (signal SIGKILL)")
    assert why["exits"].startswith("ended its process (exit code 3")
    assert why["hangs"].startswith("took longer than 8 s")
    assert r"\x1b[2J[red]no" in why["raises"]
    assert why["imports"].startswith("broken upstream: it imports transformers.data")
    assert "no_such_pkg" in why["no_package"]
    assert "pip install" in why["no_package"]
    assert "\x1b" not in out


@pytest.mark.slow
def test_what_differs_from_the_lock_is_named(place: Place) -> None:
    hub = place.hub
    assert hub is not None
    place.task("good")
    assert place.run("fetch", "good", "--lock", "old.json").returncode == 0
    hub.head = NEW
    assert place.run("fetch", "good").returncode == 0
    assert place.run("doctor", "good").returncode == 0
    result = place.run("doctor", "good", "--lock", "old.json")
    assert result.returncode == 1
    assert "good: not what the lock has: revision bbbbbbbbbb, locked" in result.stdout
    assert "25 rows in test, locked 20" in result.stdout
    run = f"iberian fetch --frozen good --lock old.json --include-path {place.tasks}"
    assert f"`{run}`" in result.stdout
    # offline, the revision fetched last is the one that is loaded
    assert place.run("fetch", "--frozen", "good", "--lock", "old.json").returncode == 0
    assert place.run("doctor", "good", "--lock", "old.json").returncode == 0


@pytest.mark.slow
def test_bad_input_is_a_sentence(place: Place) -> None:
    place.task("good")
    unknown = place.run("doctor", "goood")
    assert unknown.returncode == 1
    assert unknown.stderr.startswith("Error: Unknown suite 'goood'. Did you mean good")
    lost = place.run("doctor", "good", "--lock", "nowhere.json")
    assert "nowhere.json does not exist" in lost.stderr
    assert lost.returncode == 1
    Path(place.lock).write_text(json.dumps({"version": 2}))
    assert "no lock of version 1" in place.run("doctor", "good").stderr


@pytest.mark.slow
def test_too_many_examples_are_said_once_a_task(place: Place) -> None:
    place.tasks.mkdir()
    names = [f"iberian_belebele_{lang}_mini" for lang in ("gl", "eu")]
    result = place.run("doctor", *names, "--num-fewshot", "30")
    assert result.returncode == 1
    _, *rows, first, second, last = result.stdout.splitlines()
    assert len(rows) == 2
    for name, line in zip(names, (first, second), strict=True):
        assert line == (
            f"{name}: The task {name} has 23 examples to give, 30 were asked for:"
            " --num_fewshot 23 is the most"
        )
    assert last.startswith("0 of 2 tasks would run here")
    assert result.stderr == ""
