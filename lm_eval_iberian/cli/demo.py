"""``iberian demo``."""

from __future__ import annotations

import os
from pathlib import Path

import click


@click.command("demo")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo_output"),
    show_default=True,
    help="Folder for models, the sweep and its specification, table and plot.",
)
@click.option(
    "--languages",
    default="eu,gl",
    show_default=True,
    help="Languages that get an expert.",
)
@click.option("--methods", help="Merges to make: linear,linear+rows …; all if unset.")
@click.option(
    "--weights",
    help="Weights of the experts in linear and task arithmetic, as a sweep has them."
    "  [default: 0.25..2.0 step 0.25]",
)
@click.option(
    "--scale",
    type=float,
    default=1.0,
    show_default=True,
    help="Share of the training steps; small ones are for trying the commands.",
)
def command(
    out: Path, languages: str, methods: str | None, weights: str | None, scale: float
) -> None:
    """Train four tiny models, merge them, evaluate every one, print a table.

    What it runs is shown, and can be run again by hand: iberian sweep, iberian report.
    A second run reuses what is there; an interrupted one goes on where it was.
    """
    # before torch is imported: tiny models are trained one to a core, which is faster
    # than one on all, and does not stall where another program uses a core
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from lm_eval_iberian.demo.run import run
    from lm_eval_iberian.demo.spec import WEIGHTS, DemoSpec
    from lm_eval_iberian.demo.spec import methods as every_method

    wanted = tuple(name.strip() for name in languages.split(",") if name.strip())
    try:
        made = every_method(weights or WEIGHTS)
        spec = DemoSpec(languages=wanted, methods=made).scaled(scale)
        if methods is not None:
            spec = spec.by([name.strip() for name in methods.split(",")])
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--scale") from error
    run(spec, out)
