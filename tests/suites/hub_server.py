"""A small hub: what huggingface_hub and datasets ask of the real one, and its faults.

A dataset's name says how it behaves, see ``BEHAVIOUR``.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import unquote, urlsplit

from file_server import serving


OLD, NEW = "a" * 40, "b" * 40
BEHAVIOUR = {
    "good": "answers",
    "second": "answers",
    "gated": "403 to everyone who has not accepted its terms",
    "private": "401",
    "gone": "404",
    "hostile": "404 with commands for a terminal in the reason",
    "flaky": "503 twice, then answers",
    "limited": "429 with Retry-After: 1 at first, once",
    "waiting": "503 with Retry-After: 86400, always",
    "cut": "every file is cut off half-way at first",
    "wrong": "another content than its SHA-256 says",
    "slow": "a file takes seconds",
    "script": "a script, as before datasets 4",
}
README = """---
configs:
- config_name: eu
  data_files:
  - {split: test, path: eu/test.jsonl}
  - {split: train, path: eu/train.jsonl}
---
"""


def rows(split: str, count: int, more: str = "") -> bytes:
    lines = (
        {"question": f"{split} {i}{more}?", "answer": i % 2, "options": ["bai", "ez"]}
        for i in range(count)
    )
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def content(commit: str, name: str = "good") -> dict[str, bytes]:
    more = " berria" if commit == NEW else ""
    if name == "galcola":  # one of those our loaders ask for, in its own form
        body = "".join(
            f'{{"sentence": "Frase {i}{more}.", "label": {i % 2}}}\n' for i in range(8)
        )
        return {f"{split}.jsonl": body.encode() for split in ("test", "train")}
    return {
        "README.md": README.encode(),
        "eu/test.jsonl": rows("test", 20 if commit == OLD else 25, more),
        "eu/train.jsonl": rows("train", 3000, more),
    }


@dataclass
class Hub:
    """What the server was asked, and the commit that ``main`` is."""

    url: str = ""
    head: str = OLD
    asked: Counter[str] = field(default_factory=Counter)
    times: dict[str, list[float]] = field(default_factory=dict)
    agents: set[str] = field(default_factory=set)
    busy: int = 0
    busiest: int = 0
    seconds: float = 2.0  # of a slow file
    lock: threading.Lock = field(default_factory=threading.Lock)

    def bodies(self) -> int:
        """How many data files were sent, whole or not."""
        return sum(
            n for k, n in self.asked.items() if k.startswith("GET") and "/eu/" in k
        )


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def do_HEAD(self) -> None:
        with self.hub.lock:
            self.hub.busy += 1
            self.hub.busiest = max(self.hub.busiest, self.hub.busy)
            self.hub.agents.add(self.headers.get("User-Agent", ""))
        try:
            self._answer()
        finally:
            with self.hub.lock:
                self.hub.busy -= 1

    do_GET = do_POST = do_HEAD  # noqa: N815

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        what = f"{self.command} {path}"
        with self.hub.lock:
            self.hub.asked[what] += 1
            first = self.hub.asked[what] == 1
            owner = re.search(r"/own/\w+", path)
            self.hub.asked[owner[0] if owner else ""] += 1
            self.hub.times.setdefault(what, []).append(time.monotonic())
        match = re.match(
            r"/(?:api/)?datasets/(?:own|proxectonos)/(\w+)(?:/(.*))?$", path
        )
        if match is None:
            return self.send(404)
        name, rest = match[1], match[2] or ""
        if self._refused(name, first, what, path.startswith("/api/")):
            return None
        kind, _, rest = rest.partition("/")
        if kind == "resolve":
            return self._file(name, *rest.split("/", 1), first=first)
        commit = (rest.split("/")[0] if rest else "main").replace("main", self.hub.head)
        if commit not in (OLD, NEW):
            return self.send(404, X_Error_Code="RevisionNotFound")
        return self._api(name, kind, commit, rest.partition("/")[2])

    def _refused(self, name: str, first: bool, what: str, api: bool) -> bool:
        if name == "private":
            self.send(401, X_Error_Message="Invalid username or password.")
        elif name == "gated" and not api:
            self.send(403, X_Error_Code="GatedRepo", X_Error_Message="accept the terms")
        elif name == "gone" or name not in {*BEHAVIOUR, "galcola"}:
            self.send(404, X_Error_Code="RepoNotFound")
        elif name == "hostile":
            evil = "\x1b[2J [red]:boom:[/red] \x9b31m"
            self.send(404, X_Error_Code="RevisionNotFound", X_Error_Message=evil)
        elif name == "flaky" and self.hub.asked["/own/flaky"] <= 2:
            self.send(503)
        elif name == "limited" and first and api:
            self.send(429, Retry_After="1")
        elif name == "waiting":
            self.send(503, Retry_After="86400")
        else:
            return False
        return True

    def _file(self, name: str, revision: str, path: str, *, first: bool) -> None:
        commit = revision.replace("main", self.hub.head)
        if name == "script" and path == "script.py":
            return self.send(
                200, b"import datasets\n", ETag='"0"', X_Repo_Commit=commit
            )
        body = content(commit, name).get(path)
        if body is None:
            return self.send(404, X_Error_Code="EntryNotFound", X_Repo_Commit=commit)
        start = 0
        asked = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if asked:
            start = int(asked[1])
        data = path.startswith("eu/")
        sent = body[start:]
        if name == "cut" and data and first and self.command == "GET":
            sent = sent[: len(sent) // 2]
        pause = self.hub.seconds if name == "slow" and data else 0.0
        return self.send(
            206 if asked else 200, sent, length=len(body) - start, pause=pause,
            ETag=f'"{digest(name, path, commit)}"', X_Repo_Commit=commit,
            **({"Content_Range": f"bytes {start}-{len(body) - 1}/{len(body)}"}
               if asked else {}),
        )  # fmt: skip

    def _api(self, name: str, kind: str, commit: str, below: str) -> None:
        files = content(commit, name)
        if kind == "tree":
            found: object = [
                {
                    "type": "file", "path": path, "size": len(body),
                    "oid": digest(name, path, commit),
                }
                for path, body in files.items() if path.startswith(below)
            ]  # fmt: skip
        else:
            siblings = []
            for path, body in files.items():
                one: dict[str, object] = {"rfilename": path, "size": len(body)}
                if path.startswith("eu/"):
                    sha = digest(name, path, commit)
                    one["lfs"] = {"sha256": sha, "size": len(body), "pointerSize": 130}
                siblings.append(one)
            found = {
                "id": f"own/{name}",
                "sha": commit,
                "siblings": siblings,
                "tags": [],
            }
        self.send(200, json.dumps(found).encode(), Content_Type="application/json")

    def send(
        self, code: int, body: bytes = b"", length: int | None = None,
        pause: float = 0.0, **headers: str,
    ) -> None:  # fmt: skip
        self.send_response(code)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command == "HEAD":
            return
        step = max(1, len(body) // 10) if pause else max(1, len(body))
        for at in range(0, len(body), step):
            self.wfile.write(body[at : at + step])
            self.wfile.flush()
            time.sleep(pause / 10)
        if length is not None and length != len(body):
            self.close_connection = True

    def log_message(self, *args: object) -> None:
        pass


def digest(name: str, path: str, commit: str) -> str:
    body = content(commit, name)[path]
    return hashlib.sha256(body + b"?" if name == "wrong" else body).hexdigest()


@contextmanager
def serve() -> Iterator[Hub]:
    hub = Hub()
    handler = type("Ours", (Handler,), {"hub": hub})
    with serving(handler) as hub.url:
        yield hub
