from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from file_server import FileServer, serve_file

from lm_eval_iberian import download, network
from lm_eval_iberian.errors import DataError, DataUnavailableError, UnknownNameError
from lm_eval_iberian.suites import probe


GOOD = b'{"key": 1}\n' * 1000


@pytest.fixture
def served() -> Iterator[FileServer]:
    with serve_file(GOOD) as server:
        yield server


@pytest.fixture
def server(served: FileServer) -> tuple[str, list[str]]:
    return served.url, served.asked


@pytest.fixture(autouse=True)
def cache(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(network.time, "sleep", lambda seconds: None)
    return own_cache


def files(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file()]


def test_a_file_is_fetched_once(
    server: tuple[str, list[str]], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, asked = server
    path = download.fetch(f"{url}/good/a.jsonl", "it", "a_task")
    assert path.read_bytes() == GOOD
    assert cache in path.parents
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")  # what is there needs no network
    assert download.fetch(f"{url}/good/a.jsonl", "it", "a_task") == path
    assert asked == ["/good/a.jsonl"]


@pytest.mark.parametrize(
    ("kind", "said", "times"),
    [("404", "HTTP 404", 1), ("403", "HTTP 403", 1), ("503", "HTTP 503", 3)],
)
def test_a_refusal_is_named_and_only_a_fault_is_tried_again(
    server: tuple[str, list[str]], cache: Path, kind: str, said: str, times: int
) -> None:
    url, asked = server
    with pytest.raises(DataUnavailableError, match=said):
        download.fetch(f"{url}/{kind}/a.jsonl", "it", "a_task")
    assert len(asked) == times
    assert not files(cache)


def test_a_fault_that_passes_does_no_harm(server: tuple[str, list[str]]) -> None:
    url, asked = server
    assert download.fetch(f"{url}/flaky/a.jsonl", "it", "a_task").read_bytes() == GOOD
    assert len(asked) == 3


def test_a_file_cut_off_half_way_is_not_kept(
    server: tuple[str, list[str]], cache: Path
) -> None:
    url, _ = server
    with pytest.raises(DataUnavailableError, match="after 3 tries"):
        download.fetch(f"{url}/cut/a.jsonl", "it", "a_task")
    assert not files(cache)


def test_content_that_does_not_pass_its_check_is_not_kept(
    server: tuple[str, list[str]], cache: Path
) -> None:
    url, _ = server

    def refuse(path: Path) -> None:
        raise DataError("line 1: nonsense")

    with pytest.raises(DataError, match="is not the prompts: line 1: nonsense"):
        download.fetch(f"{url}/good/a.jsonl", "the prompts", "a_task", check=refuse)
    assert not files(cache)


def test_a_pinned_digest_is_compared(
    server: tuple[str, list[str]], cache: Path
) -> None:
    url, _ = server
    right = hashlib.sha256(GOOD).hexdigest()
    pinned = replace(download.source("google-ifeval"), sha256="0" * 64)
    with pytest.raises(DataError, match=f"SHA-256 is {right}, pinned is 0000"):
        download.fetch(f"{url}/good/a", "the file", "a_task", check=pinned.verify)
    assert not files(cache)
    right_one = replace(pinned, sha256=right)
    download.fetch(f"{url}/good/a", "the file", "a_task", check=right_one.verify)
    assert files(cache) == ["a"]


def test_a_slow_server_is_waited_for(server: tuple[str, list[str]]) -> None:
    url, _ = server
    assert download.fetch(f"{url}/slow/a", "it", "a_task").read_bytes() == GOOD


def test_the_server_says_when_to_ask_again(
    served: FileServer, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, asked = served.url, served.asked
    waited: list[float] = []
    monkeypatch.setattr(network.time, "sleep", waited.append)
    download.fetch(f"{url}/wait7/a", "it", "a_task")
    assert waited == [7]
    assert len(asked) == 2
    asked.clear()
    with pytest.raises(DataUnavailableError, match="HTTP 429, it asks to wait 86400 s"):
        download.fetch(f"{url}/wait86400/b", "it", "a_task")
    assert waited == [7]
    assert len(asked) == 1
    assert all(agent.startswith("lm-eval-iberian/") for agent in served.agents)
    assert files(cache) == ["a"]


@pytest.mark.parametrize("variable", network._OFFLINE)
def test_offline_nothing_is_asked(
    server: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    url, asked = server
    monkeypatch.setenv(variable, "1")
    with pytest.raises(DataUnavailableError) as caught:
        download.fetch(f"{url}/good/a.jsonl", "the prompts", "a_task")
    text = str(caught.value)
    assert f"{variable} is set" in text
    assert "where there is a network, run `iberian fetch a_task`" in text
    assert f"{url}/good/a.jsonl" in text
    assert text.count("\n") == 0
    assert not asked


def test_whoever_fetches_is_not_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (None, "HF_HUB_OFFLINE"):
        if variable:
            monkeypatch.setenv(variable, "1")
        with pytest.raises(DataUnavailableError) as caught:
            download.fetch("http://127.0.0.1:9/good/a", "the prompts", "a_task")
        assert "iberian fetch a_task" in str(caught.value)
        assert "iberian fetch" not in caught.value.fact
        assert "The prompts is not in the cache" in caught.value.fact


def test_a_check_does_not_blame_a_variable_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in probe.OFFLINE.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(DataUnavailableError) as caught:
        download.fetch("http://127.0.0.1:9/good/a", "the prompts", "a_task")
    assert "is not in the cache (this check never uses the network)" in str(
        caught.value
    )
    assert "OFFLINE" not in str(caught.value)


def test_a_wait_that_a_server_asks_for_is_said(
    server: tuple[str, list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    url, _ = server
    download.fetch(f"{url}/wait7/a", "it", "a_task")
    host = url.removeprefix("http://")
    assert caplog.messages == [f"{host} asks to wait 7 s before the next try"]
    caplog.clear()
    download.fetch(f"{url}/flaky/b", "it", "a_task")
    assert caplog.messages == []


def test_nothing_is_asked_for_a_cache_that_cannot_be_written(
    server: tuple[str, list[str]], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, asked = server
    cache.mkdir()
    (cache / "lm_eval_iberian").write_text("a file where the folder would be")
    with pytest.raises(DataUnavailableError, match=r"cannot be written.*set HF_HOME"):
        download.fetch(f"{url}/good/a", "it", "a_task")
    assert not asked


def test_no_server_at_all() -> None:
    with pytest.raises(DataUnavailableError, match="ConnectionError after 3 tries"):
        download.fetch("http://127.0.0.1:9/good/a.jsonl", "it", "a_task")


def test_a_mirror_replaces_the_host(
    server: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, asked = server
    monkeypatch.setenv(download.MIRROR, url + "/good/")
    download.fetch("https://example.org/owner/a.jsonl", "it", "a_task")
    assert asked == ["/good/owner/a.jsonl"]


@pytest.mark.parametrize("mirror", ["nonsense", "ftp://a.b", "https://", "/a/b"])
def test_a_mirror_that_is_no_address_is_named(
    mirror: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(download.MIRROR, mirror)
    with pytest.raises(DataUnavailableError, match=r"_MIRROR=.* is no address"):
        download.fetch("https://example.org/owner/a.jsonl", "it", "a_task")


def test_sources_are_pinned_to_a_commit() -> None:
    pinned = download.source("iber-ifeval")
    assert len(pinned.commit) == 40
    assert pinned.commit in pinned.locate("eu")
    with pytest.raises(UnknownNameError, match="Unknown language"):
        pinned.locate("pt")
    with pytest.raises(UnknownNameError, match="Did you mean iber-ifeval"):
        download.source("iberifeval")
