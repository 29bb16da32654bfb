"""Our server, over a bare aiohttp handler and over localqpu 0.3.0.

Every server has a process of its own, and the client, on bare asyncio, is a small part of the cost.
localqpu is measured if ``SWQR_BENCH_LOCALQPU`` names an interpreter beside which it is installed::

    python3 -m venv peers && peers/bin/pip install localqpu==0.3.0
    SWQR_BENCH_LOCALQPU=peers/bin/python python -m benchmarks server
"""

import asyncio
from contextlib import ExitStack
from functools import partial

from benchmarks._load import Client, Line, run_jobs, run_polls, submission
from benchmarks._measure import Row, interleaved, report
from benchmarks._servers import LOCALQPU, bare, cloud, localqpu, pair, stub

CONNECTIONS = 64
POLLS = 3000
ROUNDS = 9
JOBS = 64
# Jobs at a time -> seconds between two looks at each. One alone is looked at again at once, for
# else it would be the client's pauses that are compared.
LOADS = {1: 0.0, 8: 0.010, 32: 0.010}
JOB_ROUNDS = 5


def polls(runner: asyncio.Runner) -> list[Row]:
    """Measure how fast the status of a job is told."""
    params, _ = pair()
    with bare() as plain, stub() as ours:
        clients = {"bare": Client(plain), "ours": Client(ours)}
        lines: dict[str, list[Line]] = {
            name: [client.line() for _ in range(CONNECTIONS)] for name, client in clients.items()
        }
        job = runner.run(clients["ours"].run(lines["ours"][0], submission(params)))
        path = f"/jobs/{job}?exclude_params=true"

        def case(name: str) -> None:
            request = clients[name].request("GET", path)
            runner.run(run_polls(lines[name], request, count=POLLS))

        taken = interleaved({name: partial(case, name) for name in clients}, ROUNDS, warm=2)
        for line in [*lines["bare"], *lines["ours"]]:
            line.close()
    what = f"{POLLS} status polls over {CONNECTIONS} connections"
    return [Row(what, "bare aiohttp handler", taken["ours"], taken["bare"], 2.0)]


def jobs(runner: asyncio.Runner, *, stubs: bool) -> list[Row]:
    """Measure how fast tiny jobs get through."""
    params, _ = pair()
    rows = []
    with ExitStack() as stack:
        ours = stack.enter_context(stub() if stubs else cloud())
        peer = stack.enter_context(localqpu(stub=stubs))
        if peer is None:
            return []
        clients = {"ours": Client(ours), "peer": Client(peer)}

        def case(client: Client, in_flight: int, poll: float) -> None:
            runner.run(run_jobs(client, params, count=JOBS, in_flight=in_flight, poll=poll))

        for in_flight, poll in LOADS.items():
            taken = interleaved(
                {name: partial(case, client, in_flight, poll) for name, client in clients.items()},
                JOB_ROUNDS,
                warm=1,
            )
            how = "each with an executor that runs nothing" if stubs else "each run its own way"
            what = f"{JOBS} tiny jobs, {in_flight} at a time, {how}"
            rows.append(Row(what, "localqpu 0.3.0", taken["ours"], taken["peer"], times=5.0))
    return rows


def main() -> bool:
    """Print the table; return whether every bound was kept."""
    with asyncio.Runner() as runner:
        rows = [*polls(runner), *jobs(runner, stubs=False), *jobs(runner, stubs=True)]
    kept = report(rows)
    for row in rows[1:]:
        rates = JOBS / row.taken.median, JOBS / row.base.median
        print(f"\n{row.what}: {rates[0]:.0f} jobs a second, localqpu {rates[1]:.0f}")
    if len(rows) == 1:
        print(f"\nWithout localqpu: {LOCALQPU} names no interpreter beside which it is installed.")
    return kept
