"""A comparison as one HTML page that needs nothing else, for readers and reviewers.

Answers and names are hostile input: the page shows them and never obeys them.
"""

from __future__ import annotations

from lm_eval_iberian.page.page_writing import (
    PAGE_LIMIT,
    DrawnPictures,
    embedded,
    page_text,
    write_page,
)


__all__ = ["PAGE_LIMIT", "DrawnPictures", "embedded", "page_text", "write_page"]
