"""A browser for pages, one for each file of tests."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


CHROMIUM = shutil.which("chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's chromium, driven by Playwright."""
    if CHROMIUM is None:
        pytest.skip("no browser: chromium is not installed (apt-get install chromium)")
    api = pytest.importorskip(
        "playwright.sync_api", reason="no browser: playwright is not installed"
    )
    with api.sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"]
        )
        yield found
        found.close()


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Any]]:
    """Open a page; at the end nothing was complained of or asked of a network."""
    faults: list[str] = []
    contexts: list[Any] = []

    def opened(path: Path, *, width: int = 1280, **more: Any) -> Any:
        size = {"width": width, "height": 900}
        context = browser.new_context(viewport=size, **more)
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: faults.append(f"{said.type}: {said.text}"))
        page.on("pageerror", lambda error: faults.append(f"error: {error}"))
        page.on("dialog", lambda found: faults.append(f"dialog: {found.message}"))
        page.on("popup", lambda other: faults.append(f"popup: {other.url}"))
        page.on("request", lambda asked: faults.extend(_outside(asked.url)))
        page.goto(path.as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert faults == []


def _outside(url: str) -> list[str]:
    return [] if url.startswith(("file:", "data:", "blob:")) else [f"asked {url}"]
