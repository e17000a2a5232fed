"""Draw what models scored: pictures for papers and pages.

Every picture is drawn from plain data that a function gathers first, so that it can be
drawn of made-up numbers too.
"""

from __future__ import annotations
