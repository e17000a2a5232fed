"""Who proposes candidates: a sampler of optuna's, asked and told.

The study is in memory, and made anew of what was recorded whenever a search goes on:
what is proposed depends on the seed, on the number of the candidate and on what was
told before, and on nothing else. The journal beside it is for optuna's own tools; it is
written and never read here (for CMA-ES optuna keeps pickles in it).
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lm_eval_iberian.errors import MissingExtraError
from lm_eval_iberian.search.search_space import SearchSpace
from lm_eval_iberian.search.search_spec import SearchSettings


# rank below every candidate that keeps the rules
_BROKEN = -1e6


@dataclass(frozen=True)
class Told:
    """What is told of a candidate.

    Attributes:
        gain: What it has gained.
        instructions: How much better it follows instructions.
        violations: By how many points it breaks each rule.
    """

    gain: float
    instructions: float
    violations: Mapping[str, float]


class Proposals:
    """Proposes candidates.

    Args:
        space: What there is.
        settings: Whose proposals, and what they are made of.
        journal: Where optuna's tools find the study; left out, another process writes
            it.

    Raises:
        MissingExtraError: optuna is not installed, or is older.
    """

    def __init__(
        self,
        space: SearchSpace,
        settings: SearchSettings,
        journal: Path | None = None,
    ) -> None:
        self._optuna = import_optuna(settings.sampler)
        self._space, self._settings = space, settings
        self._single = settings.sampler == "cmaes"
        self._ways = ["maximize"] * (1 if self._single else 2)
        self._study = self._optuna.create_study(directions=self._ways)
        self._asked: dict[int, Any] = {}
        self._mirror: Any = None
        if journal is not None:
            self.keep_journal(journal)

    def keep_journal(self, journal: Path) -> None:
        """Write what was told into a journal, and from now on what is."""
        for name in (journal, Path(f"{journal}.lock")):
            with suppress(FileNotFoundError):
                name.unlink()
        storages = self._optuna.storages
        backend = storages.journal.JournalFileBackend(str(journal))
        self._mirror = self._optuna.create_study(
            storage=storages.JournalStorage(backend),
            directions=self._ways,
            study_name="search",
        )
        with _quiet():
            for trial in self._study.trials:
                if trial.number not in self._asked:
                    self._mirror.add_trial(trial)

    def ask(self, number: int) -> dict[str, Any]:
        """Return the values of the next candidate.

        Args:
            number: Its number, one more than that of the one before it.
        """
        with _quiet():
            self._study.sampler = self._sampler(number)
            trial = self._study.ask()
            if trial.number != number:
                raise ValueError(f"candidate {trial.number} comes before {number}")
            self._asked[number] = trial
            return self._space.suggest(trial)

    def tell(self, number: int, told: Told | None) -> None:
        """Tell what came of a candidate; ``None`` where it could not be evaluated."""
        trial = self._asked.pop(number)
        with _quiet():
            if told is None:
                failed = self._optuna.trial.TrialState.FAIL
                self._study.tell(trial, state=failed)
            else:
                for name, one in told.violations.items():
                    trial.set_constraint(name, one)
                self._study.tell(trial, self._values(told))
            if self._mirror is not None:
                self._mirror.add_trial(self._study.trials[number])

    def _values(self, told: Told) -> float | list[float]:
        if not self._single:
            return [told.gain, told.instructions]
        broken = sum(max(0.0, one) for one in told.violations.values())
        # by ranks: whoever breaks more is below, and below all who keep to them
        return _BROKEN - broken if broken else told.gain

    def _sampler(self, number: int) -> Any:
        text = f"{self._settings.seed}\0sampler\0{number}"
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
        samplers = self._optuna.samplers
        if self._settings.sampler == "tpe":
            return samplers.TPESampler(seed=seed, multivariate=True, group=True)
        if self._settings.sampler == "cmaes":
            return samplers.CmaEsSampler(seed=seed)
        return samplers.NSGAIISampler(
            seed=seed, population_size=self._settings.population
        )


def import_optuna(sampler: str) -> Any:
    """Return optuna.

    Args:
        sampler: The sampler that is wanted of it.

    Raises:
        MissingExtraError: It is not installed, or older than 5, or lacks cmaes.
    """
    try:
        import optuna

        if sampler == "cmaes":
            import cmaes  # noqa: F401 (optuna imports it when it is too late)
    except ImportError as error:
        raise MissingExtraError(
            f"a search needs {error.name}, which is not installed: pip install"
            " 'lm-eval-iberian[search]'"
        ) from error
    if int(optuna.__version__.partition(".")[0]) < 5:
        raise MissingExtraError(
            f"a search needs optuna 5 or later, and {optuna.__version__} is installed:"
            " pip install 'lm-eval-iberian[search]'"
        )
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep optuna from warning of what is experimental in it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
