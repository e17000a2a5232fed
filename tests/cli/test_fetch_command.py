"""``iberian fetch`` against a small hub; each test is a process or two of its own."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hub_place import Place
from hub_server import BEHAVIOUR, NEW, OLD, content

from lm_eval_iberian import __version__
from lm_eval_iberian.cli import main


EXPECTED = {
    "good": "ok",
    "second": "ok",
    "gated": "gated",
    "private": "gated",
    "gone": "gone",
    "hostile": "gone",
    "flaky": "ok",
    "limited": "ok",
    "waiting": "no network",
    "cut": "ok",
    "wrong": "damaged",
    "slow": "ok",
    "script": "gone",
}


@pytest.mark.slow
def test_one_missing_dataset_stops_no_other(place: Place) -> None:
    hub = place.hub
    assert hub is not None
    assert EXPECTED.keys() == BEHAVIOUR.keys()
    for name in BEHAVIOUR:
        place.task(name)
    place.task("no_config", "own/good", config="fr")
    place.group("everything", *BEHAVIOUR, "no_config", "iberian_ifeval_eu_mini")
    result = place.run("fetch", "everything", "--json")
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    found = json.loads(result.stdout)["datasets"]
    status = {(row["dataset"], row["config"]): row["status"] for row in found}
    for name, expected in EXPECTED.items():
        assert status[f"own/{name}", "eu"] == expected, name
    assert status["own/good", "fr"] == "changed schema"
    assert status["ifeval/utils.load", "lang=eu, which=mini"] == "ok"

    why = {row["dataset"]: row["why"] for row in found if row["config"] != "fr"}
    for name in ("gated", "private"):
        assert f"https://huggingface.co/datasets/own/{name}" in why[f"own/{name}"]
        assert "huggingface-cli login" in why[f"own/{name}"]
    assert "asks to wait 86400 seconds" in why["own/waiting"]
    assert "SHA-256" in why["own/wrong"]
    assert r"\x1b[2J" in why["own/hostile"]
    assert all(row["why"].isprintable() for row in found if row["why"])

    whole = {f"own/{name}" for name, state in EXPECTED.items() if state == "ok"}
    assert place.locked().keys() == whole | {"ifeval/utils.load"}
    good = place.locked()["own/good"]
    assert good["revision"] == OLD
    assert good["rows"] == {"test": 20, "train": 3000}
    assert good["fields"]["test"] == ["question", "answer", "options"]
    sizes = {name: len(body) for name, body in content(OLD).items()}
    assert {f["name"]: f["size"] for f in good["files"]} == {
        name: size for name, size in sizes.items() if name.startswith("eu/")
    }
    assert all(len(file["sha256"]) == 64 for file in good["files"])
    packages = json.loads(place.lock.read_text())["packages"]
    assert packages["lm-eval-iberian"] == __version__
    assert packages.keys() >= {"datasets", "lm-eval"}

    # polite: few at a time, who is asking, and no sooner than was asked for
    assert 1 < hub.busiest <= 4
    assert all("lm-eval-iberian/" in agent for agent in hub.agents)
    first, second = hub.times["GET /api/datasets/own/limited"]
    assert second - first >= 1
    # what came in damaged is not kept
    home = place.folder / "home"
    assert not list((home / "hub").glob("datasets--own--wrong/snapshots/*/eu/*"))
    assert not list((home / "datasets").glob("own___wrong/**/*.arrow"))

    again = place.run("fetch", "good", "second", "slow")
    assert again.returncode == 0, again.stdout
    assert hub.asked[f"GET /datasets/own/slow/resolve/{OLD}/eu/train.jsonl"] == 1
    assert place.run("fetch", "wrong").returncode == 1
    assert hub.asked[f"GET /datasets/own/wrong/resolve/{OLD}/eu/test.jsonl"] == 2


@pytest.mark.slow
def test_killed_half_way_it_leaves_a_valid_lock_and_goes_on(place: Place) -> None:
    hub = place.hub
    assert hub is not None
    hub.seconds = 8
    for name in ("good", "slow"):
        place.task(name)
    child = place.start("fetch", "good", "slow")
    slow = f"GET /datasets/own/slow/resolve/{OLD}/eu/test.jsonl"
    until = time.monotonic() + 60
    while not (place.lock.exists() and hub.asked[slow]):
        assert time.monotonic() < until
        assert child.poll() is None
        time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert place.locked().keys() == {"own/good"}
    hub.seconds = 0
    result = place.run("fetch", "good", "slow")
    assert result.returncode == 0, result.stdout + result.stderr
    assert place.locked().keys() == {"own/good", "own/slow"}
    assert hub.asked[f"GET /datasets/own/good/resolve/{OLD}/eu/train.jsonl"] == 1
    assert [path.name for path in place.folder.glob(".iberian*")] == []


@pytest.mark.slow
def test_frozen_fetches_what_the_lock_has(place: Place) -> None:
    hub = place.hub
    assert hub is not None
    place.task("good")
    place.task("second")
    assert place.run("fetch", "good").returncode == 0
    before, inode = place.lock.read_bytes(), place.lock.stat().st_ino
    hub.head = NEW  # main moves on
    fresh = {"HF_HOME": str(place.folder / "other_home")}
    result = place.run("fetch", "--frozen", "good", **fresh)
    assert result.returncode == 0, result.stdout
    assert OLD[:10] in result.stdout
    assert place.lock.read_bytes() == before
    assert place.lock.stat().st_ino == inode  # not even written anew
    unlocked = place.run("fetch", "--frozen", "second", **fresh)
    assert unlocked.returncode == 1
    assert "The lock does not have it" in unlocked.stdout
    # the same revision with another content is not the same
    lock = json.loads(before)
    lock["datasets"][0]["files"][0]["sha256"] = "0" * 64
    lock["datasets"][0]["rows"]["test"] = 7
    place.lock.write_text(json.dumps(lock))
    other = place.run("fetch", "--frozen", "good", **fresh)
    assert other.returncode == 1
    assert "not what is locked: 20 rows in test, locked 7" in other.stdout
    assert "another eu/test.jsonl" in other.stdout
    # without --frozen the lock moves with main
    assert place.run("fetch", "good").returncode == 0
    assert place.locked()["own/good"]["revision"] == NEW


@pytest.mark.slow
def test_what_our_own_loaders_read_is_locked_too(place: Place) -> None:
    hub = place.hub
    assert hub is not None
    place.tasks.mkdir()
    result = place.run("fetch", "iberian_cola_gl")
    assert result.returncode == 0, result.stdout + result.stderr
    before = place.locked()
    own, source = before["cola/utils.load"], before["proxectonos/galcola"]
    assert own["revision"] == source["revision"] == OLD
    assert own["rows"] == source["rows"] == {"test": 8, "train": 8}
    assert {file["name"] for file in source["files"]} == {"test.jsonl", "train.jsonl"}
    assert place.run("doctor", "iberian_cola_gl").returncode == 0
    hub.head = NEW
    fresh = {"HF_HOME": str(place.folder / "other_home")}
    assert place.run("fetch", "--frozen", "iberian_cola_gl", **fresh).returncode == 0
    frozen = place.run("doctor", "iberian_cola_gl", **fresh)
    assert frozen.returncode == 0, frozen.stdout
    assert (
        place.run("fetch", "iberian_cola_gl", "--lock", "new", **fresh).returncode == 0
    )
    moved = place.run("doctor", "iberian_cola_gl", **fresh)
    assert "revision bbbbbbbbbb, locked aaaaaaaaaa" in moved.stdout


@pytest.mark.slow
def test_without_a_network_what_is_cached_is_enough(place: Place) -> None:
    place.task("good")
    place.task("second")
    assert place.run("fetch", "good").returncode == 0
    result = place.run("fetch", "good", "second", HF_HUB_OFFLINE="1")
    assert result.returncode == 1
    good, second, why, *_ = result.stdout.splitlines()[1:]
    assert good.split()[-1] == "ok"
    assert second.endswith("no network")
    assert why == "own/second eu: not in the cache, and HF_HUB_OFFLINE is set"
    assert len(place.locked()["own/good"]["files"]) == 2  # still known
    place.hub = None  # nobody listens
    nobody = place.run("fetch", "second")
    assert nobody.returncode == 1
    assert "own/second eu: could not be reached: ConnectError" in nobody.stdout
    assert place.locked().keys() == {"own/good"}
    assert nobody.stderr == ""  # no bars where there is no terminal


def iberian(*arguments: str) -> Any:
    return CliRunner().invoke(main, ["fetch", *arguments])


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_is_shipped_needs_no_network(here: Path) -> None:
    result = iberian("iberian_ifeval_mini")
    assert result.exit_code == 0, result.output
    assert "5 tasks, 5 of 5 datasets whole; iberian.lock.json written" in result.output
    found = json.loads((here / "iberian.lock.json").read_text())["datasets"]
    assert [entry["rows"] for entry in found] == [{"test": 50}] * 5


def test_locks_of_two_suites_add_up(here: Path) -> None:
    for suite in ("iberian_ifeval_eu_mini", "iberian_ifeval_gl_mini"):
        assert iberian(suite, "--lock", "a.json").exit_code == 0
    assert len(json.loads((here / "a.json").read_text())["datasets"]) == 2


@pytest.mark.slow
def test_an_unknown_suite_is_told_the_nearest(here: Path) -> None:
    result = iberian("iberian_ifeval_minni")
    assert result.exit_code == 1
    assert "Unknown suite 'iberian_ifeval_minni'. Did you mean " in result.output
    assert "iberian_ifeval_mini" in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "no lock of version 1"),
        ('{"version": 1, "datasets": [{"dataset": 1}]}', "datasets[0]: KeyError"),
        (None, "does not exist"),
    ],
)
def test_a_bad_lock_is_named(here: Path, content: str | None, said: str) -> None:
    if content is not None:
        (here / "iberian.lock.json").write_text(content)
    result = iberian("iberian_ifeval_eu_mini", "--frozen")
    assert result.exit_code == 1
    assert said in result.output
    assert content is None or (here / "iberian.lock.json").read_text() == content


def test_a_folder_that_does_not_exist_is_named(here: Path) -> None:
    result = iberian("iberian_ifeval_eu_mini", "--include-path", "nowhere")
    assert result.exit_code == 1
    assert "nowhere is not a folder" in result.output


def test_a_lock_that_cannot_be_written_is_named(here: Path) -> None:
    result = iberian("iberian_ifeval_eu_mini", "--lock", "no/such/folder.json")
    assert result.exit_code == 1
    assert "no/such/folder.json cannot be written" in result.output


def test_what_could_not_be_kept_is_not_downloaded(place: Place) -> None:
    """The lock's folder and the cache are tried before the network."""
    hub = place.hub
    assert hub is not None
    place.task("good")
    (place.folder / "file").write_text("")
    lock = place.run("fetch", "good", "--lock", "no/such/a.json")
    cache = place.run("fetch", "good", HF_HOME=str(place.folder / "file"))
    for result, said in (
        (lock, "no/such/a.json cannot be written: there is no such folder"),
        (cache, "cannot be written (Not a directory): set HF_HOME to a folder"),
    ):
        assert result.returncode == 1
        assert said in result.stderr
        assert result.stderr.count("\n") == 1
        assert result.stdout == ""
    assert not hub.asked
    assert not place.lock.exists()


def test_nothing_is_said_of_a_lock_that_is_not_there(place: Place) -> None:
    place.task("gone")
    result = place.run("fetch", "gone")
    assert result.stdout.endswith("1 tasks, 0 of 1 datasets whole\n")
    machine = place.run("fetch", "gone", "--json")
    assert json.loads(machine.stdout)["lock"] is None
    place.lock.write_text('{"version": 1, "datasets": []}')
    there = place.run("fetch", "gone")
    assert there.stdout.endswith("0 of 1 datasets whole; iberian.lock.json unchanged\n")


def test_offline_it_gives_up_at_once(place: Place) -> None:
    """Nothing is fetched, so nothing is waited for, and the switch is named."""
    hub = place.hub
    assert hub is not None
    place.task("waiting")
    for switch in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        result = place.run("fetch", "waiting", "iberian_ifeval_eu", **{switch: "1"})
        assert result.returncode == 1
        last = result.stdout.splitlines()[-1]
        assert last == f"Nothing is fetched while {switch} is set: unset it to fetch"
        assert "iberian fetch" not in result.stdout
    assert not hub.asked


def test_datasets_are_called_by_their_id_on_the_hub(place: Place) -> None:
    place.tasks.mkdir()
    suites = ("iberian_belebele_eu", "iberian_ifeval_en", "iberian_ifeval_gl_mini")
    result = place.run("fetch", *suites, HF_HUB_OFFLINE="1")
    lines = result.stdout.splitlines()
    assert lines[1].startswith("facebook/belebele ")
    assert lines[2].startswith("google/IFEval ")
    assert lines[3].startswith("shipped with lm-eval-iberian  IFEval mini gl ")
    assert any(line.startswith("google/IFEval en: ") for line in lines)
    assert "utils.load" not in result.stdout


def test_a_server_that_asks_to_wait_is_said_to(place: Place) -> None:
    place.task("limited")
    result = place.run("fetch", "limited")
    assert result.returncode == 0
    host = place.hub.url.removeprefix("http://") if place.hub else ""
    said = set(result.stderr.splitlines())
    assert said == {f"{host} asks to wait 1 s before the next try"}
