"""Audit of answers files: health, scores, and stored verdicts beside ours.

>>> from pathlib import Path
>>> audit = audit_files([Path("answers.jsonl")], lang="eu")  # doctest: +SKIP
>>> audit.files["answers"].health["run_on"].value  # doctest: +SKIP
0.375
"""

from __future__ import annotations

from lm_eval_iberian.audit.audit_data import audit_as_csv, audit_as_json
from lm_eval_iberian.audit.audit_tables import audit_as_markdown
from lm_eval_iberian.audit.auditing import Audit, audit_files
from lm_eval_iberian.audit.file_audit import FileAudit, Flagged, Rate
from lm_eval_iberian.audit.recorded import OtherVerdict, TypeCount


AUDIT_FORMATS = {
    "md": audit_as_markdown,
    "csv": audit_as_csv,
    "json": audit_as_json,
}

__all__ = [
    "AUDIT_FORMATS",
    "Audit",
    "FileAudit",
    "Flagged",
    "OtherVerdict",
    "Rate",
    "TypeCount",
    "audit_files",
]
