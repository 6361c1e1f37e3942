"""`python -m tests.chaos`: run seeds, one after the other, and tell what came of them.

Progress goes to stderr, a line a seed; the last line on stdout is JSON. Exit code 1 when anything
is wrong; the directory of a failing seed, and then the broker's too, is kept.
"""

import json
import shutil
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Final

import click

from pipeline import points
from tests.chaos.kafka import Kafka
from tests.chaos.plan import make_plan
from tests.chaos.run import Result, Run

_SHOWN_MAX: Final = 20


@click.command()
@click.option("--seeds", default=50, show_default=True, help="How many seeds to run.")
@click.option("--first", default=1, show_default=True, help="The first of them.")
@click.option("--seed", type=int, help="Run this one only: reproduces a failure.")
@click.option(
    "--directory",
    type=click.Path(path_type=Path),
    default=Path("var/chaos"),
    show_default=True,
    help="Where the broker and the runs keep their files; those of earlier runs are deleted.",
)
@click.option("--keep", is_flag=True, help="Keep the files of seeds that went well too.")
@click.option("--json", "as_json", is_flag=True, help="Also a line of JSON a seed, on stdout.")
def main(
    seeds: int, first: int, seed: int | None, directory: Path, keep: bool, as_json: bool
) -> None:
    """Kill, stop and cut off real workers on a real Kafka, and judge what they wrote."""
    # As an exception, so that no worker, some of them stopped, outlives the harness.
    signal.signal(signal.SIGTERM, _end)
    wanted = [seed] if seed is not None else range(first, first + seeds)
    _clear(directory)
    directory.mkdir(parents=True, exist_ok=True)
    results = []
    with Kafka(directory / "kafka") as kafka:
        for number in wanted:
            run = Run(kafka, make_plan(number), directory / f"seed-{number}")
            result = run.execute()
            results.append(result)
            _tell(result, directory / f"seed-{number}")
            if as_json:
                click.echo(json.dumps(_figures([result])))
            if result.ok and not keep:
                run.forget()
    if all(result.ok for result in results) and not keep:
        _clear(directory)
    click.echo(json.dumps(_figures(results)))
    sys.exit(0 if all(result.ok for result in results) else 1)


def _end(number: int, _frame: object) -> None:
    sys.exit(128 + number)


def _clear(directory: Path) -> None:
    """Delete what runs leave behind, and nothing else."""
    for left in (directory / "kafka", *directory.glob("seed-*")):
        shutil.rmtree(left, ignore_errors=True)


def _tell(result: Result, directory: Path) -> None:
    """One line, and more when something is wrong."""
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(result.faults.items()))
    click.echo(
        f"seed {result.seed}: {result.seconds:.0f} s, {result.inputs} inputs, "
        f"{result.incarnations} incarnations, {result.faults.total()} faults ({kinds}): "
        f"{'ok' if result.ok else 'WRONG'}",
        err=True,
    )
    if not result.ok:
        click.echo(
            f"  lost {result.lost}, doubled {result.doubled}, contradicted {result.contradicted}, "
            f"unfenced {result.unfenced}",
            err=True,
        )
        for line in result.violations[:_SHOWN_MAX]:
            click.echo(f"  {line}", err=True)
        click.echo(f"  {len(result.violations)} violations; everything is in {directory}", err=True)
        click.echo(f"  again: python -m tests.chaos --seed {result.seed}", err=True)


def _figures(results: list[Result]) -> dict[str, Any]:
    """The figures of some runs together."""
    hits: Counter[str] = Counter()
    for result in results:
        hits += result.points
    return {
        "runs": len(results),
        "faults": sum(result.faults.total() for result in results),
        "inputs": sum(result.inputs for result in results),
        "lost": sum(result.lost for result in results),
        "doubled": sum(result.doubled for result in results),
        "contradicted": sum(result.contradicted for result in results),
        "unfenced": sum(result.unfenced for result in results),
        "violations": sum(len(result.violations) for result in results),
        "points": {point: hits[point] for point in points.POINTS},
    }


if __name__ == "__main__":
    main()
