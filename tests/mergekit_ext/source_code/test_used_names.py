"""Which names of a piece of code are from outside, and how it uses them."""

from __future__ import annotations

import ast

import pytest

from mergekit_ext.source_code.used_names import FIELD, RUN, TYPED, uses_of


@pytest.mark.parametrize(
    ("code", "used"),
    [
        ("def f(a: A, b=B) -> C: return a", {"A": TYPED, "B": RUN, "C": TYPED}),
        ("def f():\n x = 1\n return x + y", {"y": RUN}),
        ("class A(B):\n x: C = D\n def f(self, y: E): F", {"B": RUN, "C": FIELD,
         "D": RUN, "E": TYPED, "F": RUN}),
        ("def f():\n def g(): return z\n z = 1", {}),
        ("z = [x for x in xs if x in ys]", {"xs": RUN, "ys": RUN}),
        ("def f(xs): return {k: v for k, v in xs} | k", {"k": RUN}),
        ("f = lambda x, *y: x + y + z", {"z": RUN}),
        ("def f():\n try: a()\n except B as e: return e", {"a": RUN, "B": RUN}),
        ("def f():\n with a() as b: return b", {"a": RUN}),
        ("def f():\n import a\n return a.b", {}),
    ],
)  # fmt: skip
def test_names_from_outside_are_told(code: str, used: dict[str, int]) -> None:
    assert uses_of(ast.parse(code).body[0]) == used
