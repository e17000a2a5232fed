"""The public archive: from a local server, whole, wrong, cut off and hostile."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from file_server import serve_file

from lm_eval_iberian import download, network
from lm_eval_iberian.errors import DataError, DataUnavailableError
from lm_eval_iberian.tasks import flores_archive
from lm_eval_iberian.tasks.benchmark_catalogue import Benchmark


Small = tuple[Benchmark, Callable[[], dict[str, bytes]]]


def archive(members: dict[str, bytes], *more: tarfile.TarInfo) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        for info in more:
            tar.addfile(info)
    return out.getvalue()


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.fixture
def serve(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch, small_flores: Small
) -> Iterator[Callable[..., list[str]]]:
    """Serve an archive and pin its size and digest, or others."""
    monkeypatch.setattr(network.time, "sleep", lambda seconds: None)
    with serve_file() as server:

        def start(content: bytes, kind: str = "good", **pinned: Any) -> list[str]:
            server.content = content
            found = replace(
                download.source("flores-200"),
                url=f"{server.url}/{kind}/flores.tar.gz",
                sha256=hashlib.sha256(content).hexdigest(),
                size=len(content),
            )
            found = replace(found, **pinned)
            monkeypatch.setattr(flores_archive, "source", lambda name: found)
            return server.asked

        yield start


def files(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.rglob("*") if p.is_file() or p.is_symlink())


def test_the_pins_are_the_published_ones() -> None:
    pinned = download.source("flores-200")
    assert pinned.size == 25_585_843
    assert str(pinned.sha256).startswith("b8b0b767")
    assert len(str(pinned.sha256)) == 64
    assert pinned.locate("all").startswith("https://dl.fbaipublicfiles.com/")


def test_a_good_archive_is_fetched_and_unpacked_once(
    serve: Callable[..., list[str]], small_flores: Small, tmp_path: Path
) -> None:
    wanted, members = small_flores
    asked = serve(archive(members()))
    for _ in range(2):
        found = flores_archive.from_archive(wanted)
    assert asked == ["/good/flores.tar.gz"]
    assert found["dev"][1]["sentence_eus_Latn"] == "two"
    assert found["devtest"].column_names == list(wanted.columns)
    assert found["dev"]["id"] == [1, 2]
    assert len(files(tmp_path)) == 11, "ten sentence files and the archive"
    assert flores_archive.is_unpacked(wanted)


def test_unpacked_sentences_need_no_network(
    serve: Callable[..., list[str]],
    small_flores: Small,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wanted, members = small_flores
    serve(archive(members()))
    flores_archive.from_archive(wanted)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert len(flores_archive.from_archive(wanted)["dev"]) == 2


@pytest.mark.parametrize(
    ("pinned", "said"),
    [
        ({"sha256": "0" * 64}, "its SHA-256 is"),
        ({"size": 3}, "bytes, pinned are 3"),
    ],
)
def test_another_archive_is_not_kept(
    serve: Callable[..., list[str]],
    small_flores: Small,
    tmp_path: Path,
    pinned: dict[str, Any],
    said: str,
) -> None:
    wanted, members = small_flores
    serve(archive(members()), **pinned)
    with pytest.raises(DataError, match=said):
        flores_archive.from_archive(wanted)
    assert not files(tmp_path)


@pytest.mark.parametrize("kind", ["403", "404", "cut"])
def test_an_archive_that_does_not_come_leaves_nothing(
    serve: Callable[..., list[str]], small_flores: Small, tmp_path: Path, kind: str
) -> None:
    wanted, members = small_flores
    serve(archive(members()), kind)
    with pytest.raises(
        DataUnavailableError, match="Flores-200, the public archive is not in"
    ):
        flores_archive.from_archive(wanted)
    assert not files(tmp_path)


def test_offline_without_the_archive_is_one_sentence(
    serve: Callable[..., list[str]],
    small_flores: Small,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wanted, members = small_flores
    asked = serve(archive(members()))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(DataUnavailableError, match="HF_HUB_OFFLINE is set"):
        flores_archive.from_archive(wanted)
    assert not asked


EVIL = "flores200_dataset/dev/eus_Latn.dev"


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "/etc/evil",
        "flores200_dataset/../../eus_Latn.dev",
        "flores200_dataset/dev/../eus_Latn.dev",
        "/flores200_dataset/dev/eus_Latn.dev",
        "other/dev/eus_Latn.dev",
        "flores200_dataset/devtest/eus_Latn.dev",
    ],
)
def test_a_name_that_leads_elsewhere_is_never_written(
    small_flores: Small, tmp_path: Path, name: str
) -> None:
    _, members = small_flores
    path = tmp_path / "in" / "a.tar.gz"
    path.parent.mkdir()
    path.write_bytes(archive({name: b"evil"} | members()))
    folder = tmp_path / "out" / "sentences"
    flores_archive.unpack(path, folder, {"eus_Latn.dev"})
    assert files(tmp_path) == ["a.tar.gz", "eus_Latn.dev"]
    assert (folder / "eus_Latn.dev").read_bytes() == b"eus_Latn one\n two \n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (archive({}, link(EVIL, "/etc/passwd")), "is a link, twice there or too big"),
        (archive({}, link(EVIL, "../../x", tarfile.LNKTYPE)), "is a link"),
        (archive({EVIL: b"a", f"./{EVIL}": b"b"}), "twice there"),
        (archive({EVIL: b"\n" * (5 << 20)}), "too big"),
        (archive({"a": b""}), "has no file eus_Latn.dev"),
        (archive({str(i): b"" for i in range(5_001)}), "is bigger than Flores-200 can"),
        (archive({EVIL: b"a" * 999})[:90], "cannot be unpacked"),
        (b"not an archive", "cannot be unpacked"),
        (b"", "cannot be unpacked"),
    ],
)
def test_a_hostile_archive_leaves_nothing(
    tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "a.tar.gz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=said):
        flores_archive.unpack(path, tmp_path / "out", {"eus_Latn.dev"})
    assert files(tmp_path) == ["a.tar.gz"]


def test_a_bomb_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flores_archive, "_ALL_BYTES", 1 << 20)
    path = tmp_path / "a.tar.gz"
    path.write_bytes(archive({"zeros": b"\0" * (2 << 20), EVIL: b"a"}))
    with pytest.raises(DataError, match="is bigger than Flores-200 can be"):
        flores_archive.unpack(path, tmp_path / "out", {"eus_Latn.dev"})


def test_a_file_with_a_line_too_few_is_named(
    serve: Callable[..., list[str]], small_flores: Small
) -> None:
    wanted, members = small_flores
    bad = members() | {"./flores200_dataset/dev/glg_Latn.dev": b"one\n"}
    serve(archive(bad))
    with pytest.raises(DataError, match=r"glg_Latn\.dev has 1 lines, Flores-200 has 2"):
        flores_archive.from_archive(wanted)
