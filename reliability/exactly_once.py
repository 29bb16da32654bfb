"""Asks for thousands of jobs and sessions over a bad network; counts what was lost or doubled.

    python -m reliability.exactly_once --submissions 10000

A session is opened for every five submissions. Exit status 0 says that every promise was kept.
"""

import argparse
import asyncio
import logging
import multiprocessing
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from time import perf_counter
from typing import Final

from reliability._official import ask_for_all_officially
from reliability._tally import Tally
from reliability._weather import Kind
from reliability._worlds import OFFICIAL, RUNS, Run, ask_for_all, open_world

__all__ = ["main", "promises", "run_world"]

_WORLD: Final = {"ibm": 1000, "strangeworks": 200}
"""Submissions in one world, by platform; each world has a seed of its own.

Who looks for a lost answer on Strangeworks reads all its jobs: the cost grows with the square.
"""
_TOGETHER: Final = 4  # worlds: each spends most of its time waiting
_EVERY: Final = 5  # submissions for one opening
_NAMES: Final = {Kind.JOB: "jobs", Kind.SESSION: "sessions"}


async def run_world(
    run: Run, submissions: int, seed: int, *, openings: int = 0, first: int = 0, speed: float = 100
) -> Mapping[Kind, Tally]:
    """Return what came of so many submissions and openings in one world.

    Args:
        run: The kind of world.
        submissions: How many jobs.
        seed: The seed of its weather.
        openings: How many sessions.
        first: The number of the first job.
        speed: How much faster time passes there than on a clock on the wall.
    """
    marks = [f"{Kind.JOB}-{first + index}" for index in range(submissions)]
    marks += [f"{Kind.SESSION}-{index}" for index in range(openings)]
    random.Random(seed).shuffle(marks)
    async with open_world(run, seed, speed=speed) as world:
        if run is OFFICIAL:
            endings = await ask_for_all_officially(world, marks)
        else:
            endings = await ask_for_all(run, world, marks)
        there = await world.there()
        tallies = {kind: Tally() for kind in Kind}
        for kind, tally in tallies.items():
            told = {mark: end for mark, end in endings.items() if mark.startswith(kind)}
            tally.add(told, there, world.weather.table(kind))
    return tallies


def _live(name: str, submissions: int, seed: int, first: int) -> Mapping[Kind, Tally]:
    """Run a world in a process of its own."""
    logging.disable(logging.ERROR)
    run = next(run for run in (*RUNS, OFFICIAL) if run.name == name)
    openings = submissions // _EVERY
    return asyncio.run(run_world(run, submissions, seed, openings=openings, first=first))


def _worlds(run: Run, submissions: int, seed: int) -> Iterator[Mapping[Kind, Tally]]:
    """Run so many submissions, some hundreds in each world."""
    size = _WORLD[run.platform]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(_TOGETHER, mp_context=context, max_tasks_per_child=1) as pool:
        yield from [
            future.result()
            for future in [
                pool.submit(_live, run.name, min(size, submissions - first), seed + number, first)
                for number, first in enumerate(range(0, submissions, size))
            ]
        ]


def promises(run: Run, tally: Tally) -> dict[str, bool]:
    """Return which promises of a run were kept."""
    kept = {"nothing lost": tally.lost == 0}
    if run.keys:
        kept["everything answered"] = tally.acknowledged == tally.asked
    if run.keys or not run.insist:
        kept["nothing doubled"] = tally.doubled == 0
    return kept


def _row(name: str, tally: Tally, seconds: float, kept: str) -> str:
    met = sum(count for act, count in tally.faults.items() if act != "nothing")
    return (
        f"| {name} | {tally.asked} | {met} | {tally.acknowledged} | {tally.lost} "
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
        "| run | asked for | faults met | answered | lost | doubled | unknown (done) "
        "| told as not done | asked again by the caller | took | promises |\n"
        f"|{'---|' * 11}"
    )
    good, seen = True, []
    for run in (*RUNS, OFFICIAL):
        if options.run and run.name not in options.run:
            continue
        began = perf_counter()
        ours = run is not OFFICIAL
        count = options.submissions if ours or options.official is None else options.official
        tallies = {kind: Tally() for kind in Kind}
        for world in _worlds(run, count, options.seed):
            for kind, tally in tallies.items():
                tally.merge(world[kind])
        for kind, tally in tallies.items():
            kept = promises(run, tally) if ours else {}
            good = good and all(kept.values())
            broken = ", ".join(name for name, held in kept.items() if not held)
            word = (f"BROKEN: {broken}" if broken else "kept") if ours else "none made"
            print(_row(f"{run.name}: {_NAMES[kind]}", tally, perf_counter() - began, word))
            seen.append((run, kind, tally))
        sys.stdout.flush()
    for run, kind, tally in seen:
        print(f"\n{run.name}, {_NAMES[kind]}: {run.about}. Faults that these requests met:")
        for act, count in tally.faults.items():
            print(f"- {act}: {count}")
        if tally.errors:
            print(f"- callers were told: {dict(tally.errors)}")
    return good


if __name__ == "__main__":
    sys.exit(not main())
