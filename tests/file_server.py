"""A server of one file; the first part of the path it is asked for says how it answers.

A number: with that status. ``cut``: with half of the file. ``slow``: in small pieces.
``flaky``: with a fault twice. ``wait7``: first that it wants 7 seconds. Else at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


pause_server = time.sleep  # a test may take the client's away


@dataclass
class FileServer:
    """What is served, and what was asked by whom."""

    content: bytes
    url: str = ""
    asked: list[str] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    served: FileServer

    def do_GET(self) -> None:
        asked, content = self.served.asked, self.served.content
        asked.append(self.path)
        self.served.agents.append(self.headers["User-Agent"])
        kind = self.path.split("/")[1]
        if kind == "flaky" and len(asked) < 3:
            kind = "500"
        if kind.startswith("wait") and len(asked) < 2:
            self.send_response(429)
            self.send_header("Retry-After", kind.removeprefix("wait"))
            self.end_headers()
            return
        if kind.isdigit():
            self.send_error(int(kind))
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        sent = content[: len(content) // 2] if kind == "cut" else content
        step = 2000 if kind == "slow" else max(1, len(content))
        for at in range(0, len(sent), step):
            self.wfile.write(sent[at : at + step])
            self.wfile.flush()
            pause_server(0.05 if kind == "slow" else 0)

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def serving(handler: Callable[..., BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve in a thread, which stops at once; gives the address."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{http.server_port}"
    finally:
        http.shutdown()
        http.server_close()


@contextmanager
def serve_file(content: bytes = b"") -> Iterator[FileServer]:
    served = FileServer(content)
    handler = type("Serving", (Handler,), {"served": served})
    with serving(handler) as served.url:
        yield served
