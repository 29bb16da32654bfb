"""``swqr exec --compare``: one program on two transports, and how far the results are apart."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
from attrs import asdict, frozen

from swqr_core.errors import ConfigurationError
from swqr_core.wrappers.tape import Tape

from .common import print_json, print_table
from .results import measured_in

__all__ = ["Difference", "compare_runs", "differences"]


@frozen(kw_only=True)
class Difference:
    """How far one measured thing is apart.

    Attributes:
        job: Which job, in the order of submission, from 0.
        circuit: Which circuit of it.
        what: The register, or ``evs``.
        measure: ``total variation``: half the sum of the differences of probabilities, from 0 to
            1; or ``largest difference`` of expectation values.
        distance: How far.
    """

    job: int
    circuit: int
    what: str
    measure: str
    distance: float


def compare_runs(profiles: str, command: list[str], *, as_json: bool) -> int:
    """Run a program twice and print the differences.

    Returns:
        The code of the first run that failed, or 0.

    Raises:
        ConfigurationError: These are not two profiles.
    """
    names = [name.strip() for name in profiles.split(",") if name.strip()]
    if len(names) != 2:  # noqa: PLR2004 - a comparison
        raise ConfigurationError("--compare", f"needs two profiles, not {len(names)}: 'dev,prod'")
    with TemporaryDirectory() as folder:
        files = [Path(folder, f"{number}.json") for number in range(2)]
        for name, file in zip(names, files, strict=True):
            click.echo(f"swqr: running on {name}", err=True)
            code = _run(name, file, command)
            if code:
                return code
        first, second = (list(_results(Tape.loads(f.read_text("utf-8")))) for f in files)
    found = list(differences(first, second))
    if as_json:
        print_json([asdict(one) for one in found])
        return 0
    print_table(
        ("JOB", "CIRCUIT", "WHAT", "MEASURE", "DISTANCE"),
        [(o.job, o.circuit, o.what, o.measure, f"{o.distance:.4f}") for o in found],
    )
    if len(first) != len(second):
        click.echo(f"swqr: {len(first)} results on one, {len(second)} on the other", err=True)
    return 0


def _run(profile: str, record: Path, command: list[str]) -> int:
    mine = [sys.executable, "-m", "swqr_adapters.cli", "exec", "-p", profile, "--record"]
    # What the program prints is not what the command prints.
    done = subprocess.run(
        [*mine, str(record), *command], stdout=sys.stderr, env=dict(os.environ), check=False
    )
    return done.returncode


def _results(tape: Tape) -> Iterator[bytes]:
    """Yield the results that a program fetched, in the order in which it submitted the jobs."""
    order: list[str] = []
    results: dict[str, bytes] = {}
    for entry in tape.entries:
        answer: Any = entry.answer
        if entry.error is not None or not isinstance(answer, Mapping):
            continue
        if entry.method == "submit":
            order.append(str(answer["id"]))
        elif entry.method == "result":
            raw = tape.payloads.get(str(answer["digest"]))
            if raw is not None:
                results[str(entry.arguments["job_id"])] = raw
    yield from (results[id] for id in order if id in results)


def differences(first: list[bytes], second: list[bytes]) -> Iterator[Difference]:
    """Yield how far results are apart, pair by pair; what is no distribution is left out."""
    for job, (mine, theirs) in enumerate(zip(first, second, strict=False)):
        pairs = zip(measured_in(mine), measured_in(theirs), strict=False)
        for circuit, (one, other) in enumerate(pairs):
            for register in sorted(one.counts.keys() & other.counts.keys()):
                yield Difference(
                    job=job,
                    circuit=circuit,
                    what=register,
                    measure="total variation",
                    distance=_total_variation(one.counts[register], other.counts[register]),
                )
            if one.evs and other.evs:
                apart = [abs(a - b) for a, b in zip(one.evs, other.evs, strict=False)]
                yield Difference(
                    job=job,
                    circuit=circuit,
                    what="evs",
                    measure="largest difference",
                    distance=max(apart),
                )


def _total_variation(one: Mapping[str, int], other: Mapping[str, int]) -> float:
    all_one, all_other = sum(one.values()), sum(other.values())
    return 0.5 * sum(
        abs(one.get(bits, 0) / all_one - other.get(bits, 0) / all_other)
        for bits in one.keys() | other.keys()
    )
