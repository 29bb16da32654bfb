"""Submits thousands of jobs over a bad network and counts what was lost and what was doubled.

    python -m reliability.exactly_once --submissions 10000

Exit status 0 says that every promise was kept.
"""

import argparse
import asyncio
import logging
import multiprocessing
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from time import perf_counter
from typing import Final

from reliability._official import submit_all_officially
from reliability._worlds import OFFICIAL, RUNS, Run, Tally, open_world, submit_all

__all__ = ["main", "promises", "run_world"]

_WORLD: Final = 1000
"""Submissions in one world; each world has a seed of its own."""
_TOGETHER: Final = 4  # worlds: each spends most of its time waiting


async def run_world(
    run: Run, submissions: int, seed: int, *, first: int = 0, speed: float = 100.0
) -> Tally:
    """Return what came of so many submissions in one world.

    Args:
        run: The kind of world.
        submissions: How many.
        seed: The seed of its weather.
        first: The number of the first submission.
        speed: How much faster time passes there than on a clock on the wall.
    """
    tally = Tally()
    marks = [f"n-{first + index}" for index in range(submissions)]
    async with open_world(run, seed, speed=speed) as world:
        if run is OFFICIAL:
            endings = await submit_all_officially(world, marks)
        else:
            endings = await submit_all(run, world, marks)
        tally.add(endings, await world.jobs(), world.weather.table())
    return tally


def _live(name: str, submissions: int, seed: int, first: int) -> Tally:
    """Run a world in a process of its own."""
    logging.disable(logging.ERROR)
    run = next(run for run in (*RUNS, OFFICIAL) if run.name == name)
    return asyncio.run(run_world(run, submissions, seed, first=first))


def _worlds(run: Run, submissions: int, seed: int) -> Iterator[Tally]:
    """Run so many submissions in worlds of a thousand."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(_TOGETHER, mp_context=context, max_tasks_per_child=1) as pool:
        yield from [
            future.result()
            for future in [
                pool.submit(_live, run.name, min(_WORLD, submissions - first), seed + number, first)
                for number, first in enumerate(range(0, submissions, _WORLD))
            ]
        ]


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
    good, seen = True, []
    for run in (*RUNS, OFFICIAL):
        if options.run and run.name not in options.run:
            continue
        began = perf_counter()
        ours = run is not OFFICIAL
        count = options.submissions if ours or options.official is None else options.official
        tally = Tally()
        for world in _worlds(run, count, options.seed):
            tally.merge(world)
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
