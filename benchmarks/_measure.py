"""Timing of several things side by side, and tables of ratios with bounds."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence

from attrs import frozen

__all__ = ["Row", "Times", "interleaved", "process", "report"]


@frozen
class Times:
    """What one thing took, in seconds, sorted.

    Attributes:
        seconds: One number for each round.
    """

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.seconds)

    @property
    def quiet(self) -> float:
        """What one in ten is below: what it takes when the machine does little else."""
        return self.seconds[len(self.seconds) // 10]


def interleaved(
    cases: Mapping[str, Callable[[], object]], rounds: int, *, warm: int = 3
) -> dict[str, Times]:
    """Time all cases in turn, *rounds* times, after *warm* rounds that do not count."""
    taken: dict[str, list[float]] = {name: [] for name in cases}
    for number in range(-warm, rounds):
        for name, case in cases.items():
            begun = time.perf_counter()
            case()
            if number >= 0:
                taken[name].append(time.perf_counter() - begun)
    return {name: Times(tuple(sorted(seconds))) for name, seconds in taken.items()}


def process(code: str) -> None:
    """Run a fresh interpreter to its end; it writes byte code, so that the next one finds it.

    Raises:
        subprocess.CalledProcessError: It failed.
    """
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, env=env)


@frozen
class Row:
    """One claim: *what* takes at most *bound* times what *over* takes.

    Attributes:
        what: What is measured.
        over: What it is compared with.
        taken: What the one took.
        base: What the other took.
        bound: The most that the first may take, in units of the other.
        times: How often, for a claim that the first is at least so many times faster; the bound
            is then its inverse and the ratio is shown the other way round.
    """

    what: str
    over: str
    taken: Times
    base: Times
    bound: float = 1.0
    times: float | None = None

    @property
    def ratio(self) -> float:
        """The ratio of the medians, as the claim has it."""
        ratio = self.taken.median / self.base.median
        return ratio if self.times is None else 1 / ratio

    @property
    def quiet(self) -> float:
        """The same for the lowest tenth of each."""
        ratio = self.taken.quiet / self.base.quiet
        return ratio if self.times is None else 1 / ratio

    @property
    def kept(self) -> bool:
        """Whether the claim holds."""
        return self.ratio <= self.bound if self.times is None else self.ratio >= self.times


def report(rows: Sequence[Row]) -> bool:
    """Print a table; return whether every claim holds."""
    print("| what | ms | compared with | ms | ratio | quiet | bound | |")
    print("|---|---|---|---|---|---|---|---|")
    for row in rows:
        bound = f"at most {row.bound:g}"
        if row.times is not None:
            bound = f"at least {row.times:g} times faster"
        print(
            f"| {row.what} | {row.taken.median * 1e3:.2f} | {row.over} "
            f"| {row.base.median * 1e3:.2f} | {row.ratio:.2f} | {row.quiet:.2f} "
            f"| {bound} | {'kept' if row.kept else 'MISSED'} |",
            flush=True,
        )
    return all(row.kept for row in rows)
