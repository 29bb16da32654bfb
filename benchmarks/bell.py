"""A Bell pair on an ideal simulator, over a bare run of Aer.

Everything in one process and in turn; nothing is remembered, and no job seeds itself, so each has
a seed of its own.
"""

from contextlib import closing
from functools import partial
from typing import Any

from benchmarks._measure import Row, interleaved, report
from benchmarks._programs import bell, isa, run, sampler_bytes
from qiskit_aer import AerSimulator

from swqr_adapters.facade import QiskitRuntimeService, SamplerV2, Session
from swqr_core import Runtime

ROUNDS = 200
# Shots -> at most so many times a bare run: bytes to bytes, and through the facade.
BOUNDS = {1024: (2.5, 7.0), 10_000: (1.5, 2.0)}
BARE = "bare `AerSimulator.run`"


def bare(aer: AerSimulator, circuit: Any, shots: int) -> object:
    """Run a circuit on Aer, which draws a seed of its own."""
    return aer.run(circuit, shots=shots).result()


def main() -> bool:
    """Print the table; return whether every bound was kept."""
    aer = AerSimulator()
    rows = []
    with (
        QiskitRuntimeService(transport="memory://?noise=off") as service,
        Runtime.connect("memory://?noise=off") as workers,
        Runtime.connect("memory://?noise=off&execution=threads") as threads,
    ):
        backend = service.backend("ideal_2")
        circuit = isa(bell(), backend)
        with closing(Session(backend=backend)) as session:  # not the context of other samplers
            sampler = SamplerV2(mode=session)
            for shots, (core, facade) in BOUNDS.items():
                taken = interleaved(
                    {
                        "bare": partial(bare, aer, circuit, shots),
                        "core": sampler_bytes(workers, "ideal_2", circuit, shots),
                        "threads": sampler_bytes(threads, "ideal_2", circuit, shots),
                        "facade": partial(run, sampler, (circuit, None, shots)),
                    },
                    ROUNDS,
                )
                base = taken["bare"]
                rows += [
                    Row(f"core, bytes to bytes, {shots} shots", BARE, taken["core"], base, core),
                    Row(f"facade in a session, {shots} shots", BARE, taken["facade"], base, facade),
                    Row(
                        f"core, trusted threads, {shots} shots", BARE, taken["threads"], base, core
                    ),
                ]
    return report(rows)
