"""Submits thousands of jobs over a bad network and counts what was lost and what was doubled.

    python -m reliability.exactly_once --submissions 10000

Exit status 0 says that every promise was kept.
"""

import argparse
import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from time import perf_counter
from typing import Final

from reliability._official import submit_all_officially
from reliability._worlds import OFFICIAL, RUNS, Ending, Run, Tally, World, open_world, submit_all

__all__ = ["main", "promises", "run_worlds"]

_WORLD: Final = 1000
"""Submissions in one world; each world has a seed of its own."""

_TOGETHER: Final = 4  # worlds: each spends most of its time waiting
Submit = Callable[[World, list[str]], Awaitable[Mapping[str, Ending]]]


async def run_worlds(
    run: Run, submissions: int, seed: int, submit: Submit | None = None, *, speed: float = 200.0
) -> Tally:
    """Return what came of so many submissions.

    Args:
        run: The kind of world.
        submissions: How many.
        seed: The seed of the first world; the others count on.
        submit: Who submits; our client if None.
        speed: How much faster time passes there than on a clock on the wall.
    """
    submit = submit or partial(submit_all, run)
    tally = Tally()
    together = asyncio.Semaphore(_TOGETHER)

    async def live(number: int, marks: list[str]) -> None:
        async with together, open_world(run, seed + number, speed=speed) as world:
            endings = await submit(world, marks)
            tally.add(endings, await world.jobs(), world.weather.table())

    async with asyncio.TaskGroup() as group:
        for number, begin in enumerate(range(0, submissions, _WORLD)):
            marks = [f"n-{index}" for index in range(begin, min(begin + _WORLD, submissions))]
            group.create_task(live(number, marks))
    return tally


def promises(run: Run, tally: Tally) -> dict[str, bool]:
    """Return which promises of a run were kept."""
    kept = {"nothing lost": tally.lost == 0}
    if run.keys:
        kept["every submission answered"] = tally.acknowledged == tally.submissions
    if run.keys or not run.insist:
        kept["nothing doubled"] = tally.doubled == 0
    return kept


def _row(name: str, tally: Tally, seconds: float, kept: str) -> str:
    met = sum(count for act, count in tally.faults.items() if act != "nothing")
    return (
        f"| {name} | {tally.submissions} | {met} | {tally.acknowledged} | {tally.lost} "
        f"| {tally.doubled} | {tally.unknown} ({tally.unknown_done}) | {tally.refused} "
        f"| {tally.again} | {seconds:.0f} s | {kept} |"
    )


def main(args: Sequence[str] | None = None) -> bool:
    """Print the report; return whether every promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m reliability.exactly_once")
    parser.add_argument("--submissions", type=int, default=10_000, help="in each run")
    parser.add_argument("--official", type=int, help="submissions of the official client")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--run", action="append", help="only this run; may be repeated")
    options = parser.parse_args(args)
    print(
        "| run | submissions | faults met | answered | lost | doubled | unknown (done) "
        "| told as not done | submitted again by the caller | took | promises |\n"
        f"|{'---|' * 11}"
    )
    logging.getLogger("swqr_adapters").setLevel(logging.ERROR)
    good, seen = True, []
    for run in (*RUNS, OFFICIAL):
        if options.run and run.name not in options.run:
            continue
        began = perf_counter()
        ours = run is not OFFICIAL
        count = options.submissions if ours or options.official is None else options.official
        submit = None if ours else submit_all_officially
        tally = asyncio.run(run_worlds(run, count, options.seed, submit))
        kept = promises(run, tally) if ours else {}
        good = good and all(kept.values())
        broken = ", ".join(name for name, held in kept.items() if not held)
        word = (f"BROKEN: {broken}" if broken else "kept") if ours else "none made"
        print(_row(run.name, tally, perf_counter() - began, word))
        sys.stdout.flush()
        seen.append((run, tally))
    for run, tally in seen:
        print(f"\n{run.name}: {run.about}. Faults that submissions met:")
        for act, count in tally.faults.items():
            print(f"- {act}: {count}")
        if tally.errors:
            print(f"- callers were told: {dict(tally.errors)}")
    return good


if __name__ == "__main__":
    sys.exit(not main())
