"""A post-import hook: tell us when a host module has been imported.

Runs at every interpreter start, so it imports the standard library alone, names its
targets as strings, and never raises. ``LM_EVAL_IBERIAN_AUTOLOAD=0`` switches it off.
"""

import os
import sys


SWITCH = "LM_EVAL_IBERIAN_AUTOLOAD"

# host module -> what to call with it once it has been executed
_LM_EVAL = "lm_eval_iberian.harness.attach"
_MERGEKIT = "lm_eval_iberian._hooks"
TARGETS = {
    "lm_eval.tasks.manager": f"{_LM_EVAL}:add_tasks",
    "lm_eval.config.evaluate_config": f"{_LM_EVAL}:check_named_tasks",
    "lm_eval.evaluator_utils": f"{_LM_EVAL}:add_stderr",
    "lm_eval._cli.harness": f"{_LM_EVAL}:word_errors",
    "lm_eval.models": f"{_LM_EVAL}:add_models",
    "mergekit.merge_methods": f"{_MERGEKIT}:add_merge_methods",
    "mergekit.merge": f"{_MERGEKIT}:guard_merge",
    # the class of all its commands: `python -m` runs them without importing them
    "mergekit.options": f"{_MERGEKIT}:guard_command",
}

# host module -> "" where it was attached to, else why not; for `iberian doctor`
attached: dict[str, str] = {}

# targets, and what a host was told of one of them: often it is true of all
_warned: set[str | tuple[str, str]] = set()


def start() -> None:
    """Wait for the hosts; a second call, or the switch at 0, does nothing."""
    try:
        if os.environ.get(SWITCH) == "0" or active():
            return
        sys.meta_path.insert(0, _Watcher())
        for name in TARGETS:
            module = sys.modules.get(name)
            if module is not None:
                _attach(name, module)
    except Exception as error:
        warn("start-up", error)


def active() -> bool:
    """Whether the hook waits in this interpreter."""
    return any(type(finder).__name__ == "_Watcher" for finder in sys.meta_path)


def _attach(name, module) -> None:  # type: ignore[no-untyped-def]
    try:
        where, _, what = TARGETS[name].partition(":")
        getattr(__import__(where, fromlist=[what]), what)(module)
        attached[name] = ""
    except Exception as error:
        attached[name] = f"{type(error).__name__}: {error}"
        warn(name, error)


def warn(where: str, error: Exception) -> None:
    """Say what went wrong, once for each target and reason; the host goes on."""
    reason = f"{type(error).__name__}: {error}".rstrip(".")
    told = where.partition(".")[0], reason
    if where in _warned or told in _warned:
        return
    _warned.update((where, told))
    text = (
        f"lm-eval-iberian could not attach to {where}: {reason}."
        f" Going on without it; {SWITCH}=0 silences this."
    )
    try:
        import warnings

        warnings.warn(text, RuntimeWarning, stacklevel=2)
    except Exception:  # -W error must not break the host either
        print(text, file=sys.stderr)


class _Watcher:
    """Finds nothing itself: wraps the loader that another finder gives a target."""

    def find_spec(self, name, path=None, target=None):  # type: ignore[no-untyped-def]
        if name not in TARGETS:
            return None
        for finder in sys.meta_path:
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec = find(name, path, target) if find else None
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = _Loader(spec.loader)
                return spec
        return None


class _Loader:
    """Another loader that tells us when it is done; gone once the module is there."""

    def __init__(self, inner) -> None:  # type: ignore[no-untyped-def]
        self._inner = inner

    def __getattr__(self, name: str):  # type: ignore[no-untyped-def]
        return getattr(self._inner, name)

    def exec_module(self, module) -> None:  # type: ignore[no-untyped-def]
        module.__spec__.loader = module.__loader__ = self._inner
        self._inner.exec_module(module)
        _attach(module.__name__, module)
