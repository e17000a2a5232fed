"""What this installation has and can reach, found without raising."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


_PACKAGES = ("lm-eval-iberian", "lm-eval", "mergekit", "torch", "transformers")
_TIMEOUT = 5  # seconds
State = Literal["ok", "note", "missing"]


@dataclass(frozen=True)
class Finding:
    """One line of the diagnosis."""

    state: State
    what: str
    found: str

    @property
    def mark(self) -> str:
        """A sign for a table."""
        return {"ok": "✓", "note": "·", "missing": "✗"}[self.state]


def diagnose(network: bool = True) -> list[Finding]:
    """Return what was found: versions, route, data, GPU, merge kernels, hub.

    Args:
        network: Whether to try to reach the hub (5 seconds at most).
    """
    findings = [Finding("ok", "python", platform.python_version())]
    findings += [_version(name) for name in _PACKAGES]
    findings += [_route(), *_targets(), _folders(), _gpu(), _kernels(), _hub(network)]
    return findings


def _version(name: str) -> Finding:
    try:
        return Finding("ok", name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding("missing", name, f"not installed: pip install {name}")


def native_route() -> bool:
    """Whether the installed lm-eval reads ``lm_eval.tasks`` entry points itself."""
    spec = importlib.util.find_spec("lm_eval")
    if spec is None or spec.origin is None:
        return False
    manager = Path(spec.origin).parent / "tasks" / "manager.py"
    text = manager.read_text("utf-8") if manager.is_file() else ""
    return "entry_points" in text or "lm_eval.plugins" in text


def _route() -> Finding:
    from lm_eval_iberian._bootstrap import SWITCH, active

    explicit = 'lm_eval --include_path "$(iberian tasks --path)"'
    if native_route():
        return Finding(
            "ok", "route", "lm-eval's own entry points; the hook stands down"
        )
    if active():
        return Finding("ok", "route", f"start-up hook ({SWITCH}=0 switches it off)")
    if os.environ.get(SWITCH) == "0":
        return Finding("note", "route", f"none, {SWITCH}=0; explicit: {explicit}")
    return Finding(
        "missing", "route", f"none: the start-up file is not installed; use {explicit}"
    )


def _targets() -> list[Finding]:
    """Say for each module of the hosts whether what is ours was attached to it."""
    from lm_eval_iberian._bootstrap import TARGETS, active, attached

    if not active():
        return []
    findings = []
    for name, ours in TARGETS.items():
        what = ours.partition(":")[2].replace("_", " ")
        try:
            importlib.import_module(name)
        except Exception as error:  # a host's fault: no reason to say nothing more
            findings.append(Finding("note", name, f"cannot be imported: {error}"))
            continue
        why = attached.get(name, "its import passed the hook by")
        text = f"{what}: not attached, {why}" if why else f"{what}: attached"
        findings.append(Finding("missing" if why else "ok", name, text))
    return findings


def _folders() -> Finding:
    from lm_eval_iberian.errors import IberianError
    from lm_eval_iberian.paths import data, task_configs
    from lm_eval_iberian.tasks.catalogue import shipped

    try:
        names = [entry for entry in shipped() if entry.kind == "task"]
        return Finding(
            "ok", "tasks", f"{len(names)} in {task_configs()}; data {data()}"
        )
    except IberianError as error:
        return Finding("missing", "tasks", str(error))


def _gpu() -> Finding:
    try:
        import torch
    except ImportError as error:
        return Finding("missing", "GPU", str(error))
    if not torch.cuda.is_available():
        return Finding("note", "GPU", "none that torch can use: everything runs on CPU")
    count = torch.cuda.device_count()
    names = {torch.cuda.get_device_name(i) for i in range(count)}
    return Finding("ok", "GPU", f"{count} × {', '.join(sorted(names))}")


def _kernels() -> Finding:
    """Say what computes the fused merge methods here; the results are the same."""
    cpu = _optional("numba", "compiled with numba", "fast")
    cuda = _optional("triton", "Triton", "cuda")
    state: State = "ok" if importlib.util.find_spec("numba") else "note"
    return Finding(state, "merge kernels", f"CPU: {cpu}; CUDA: {cuda}")


def _optional(package: str, what: str, extra: str) -> str:
    if importlib.util.find_spec(package) is None:
        return f"plain PyTorch; pip install lm-eval-iberian[{extra}] brings {package}"
    return f"{what} {importlib.metadata.version(package)}"


def _hub(network: bool) -> Finding:
    from lm_eval_iberian.network import offline

    forbids = offline()
    if forbids or not network:
        return Finding("note", "hub", f"not tried: {forbids or '--no-network'}")
    import requests

    address = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    try:
        reply = requests.head(address, timeout=_TIMEOUT, allow_redirects=True)
    except requests.RequestException as error:
        return Finding("note", "hub", f"{address} not reached ({type(error).__name__})")
    return Finding("ok", "hub", f"{address} answers ({reply.status_code})")
