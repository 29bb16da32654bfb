"""Our client, over the official one, against a server of ours that runs nothing.

Client and server have a process each, so only client and wire count. The official client has eight
threads where it has more than one thing to do; ours has one. Ours submits bytes, the official one
a circuit, which costs it a few percent. Requests are those that the server counts.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from urllib.request import urlopen

from attrs import asdict
from benchmarks._measure import Row, Times, interleaved, report
from benchmarks._servers import Address, pair, stub

JOBS = 500
ROUNDS = 5
ITERATIONS = 200
ITERATION_SECONDS = 0.020
LOOP_ROUNDS = 3
# A job keeps the device for 10 s, one after the other, and each thread of the official client looks
# every 0.5 s. Here all times are a twentieth of that, those of our client too, and the jobs are
# 200: 500 would take an hour and a half. With times even shorter the official client could not
# look that often, for its requests take what they take.
HELD_SECONDS = 10.0
HELD_JOBS = 200
SCALE = 0.05
MOST_REQUESTS = {0.0: 0.40, HELD_SECONDS: 0.10}
CLIENTS = ("official", "ours")


class Child:
    """A client in a process of its own.

    Args:
        process: The process.
    """

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def do(self, what: str, count: int) -> float:
        """Let it do something; return the seconds that it took."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what} {count}\n")
        self._process.stdin.flush()
        return float(json.loads(self.line()))

    def line(self) -> str:
        """Return what it says next."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("a client failed")
        return line


@contextmanager
def client(kind: str, address: Address, *, scale: float = 1.0) -> Iterator[Child]:
    """Run a client."""
    params, _ = pair()
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks._clients"]
    with subprocess.Popen(
        [*command, kind, json.dumps(asdict(address)), str(scale)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        process.stdin.write(params.decode() + "\n")
        process.stdin.flush()
        child = Child(process)
        try:
            child.line()
            yield child
        finally:
            process.stdin.close()
            process.wait(30)


def requests(address: Address) -> int:
    """Return how many requests a server has answered, other than these."""
    with urlopen(f"{address.url}/_swqr/metrics") as answer:  # noqa: S310 - this machine
        lines = answer.read().decode().splitlines()
    return sum(
        int(float(line.rpartition(" ")[2]))
        for line in lines
        if line.startswith("swqr_http_requests_total{") and 'route="control' not in line
    )


def timed(
    what: str, count: int, rounds: int, *, job_seconds: float = 0.0, scale: float = 1.0
) -> tuple[Mapping[str, Times], dict[str, float]]:
    """Return the times of both clients, and their requests in a round."""
    asked: dict[str, list[int]] = {name: [] for name in CLIENTS}
    with ExitStack() as stack:
        address = stack.enter_context(stub(job_seconds=job_seconds * scale))
        children = {
            name: stack.enter_context(client(name, address, scale=scale)) for name in CLIENTS
        }
        for child in children.values():
            child.do(what, 8)

        def case(name: str) -> None:
            before = requests(address)
            children[name].do(what, count)
            asked[name].append(requests(address) - before)

        taken = interleaved({name: partial(case, name) for name in CLIENTS}, rounds, warm=0)
    return taken, {name: sum(counts) / len(counts) for name, counts in asked.items()}


def main() -> bool:
    """Print the tables; return whether every bound was kept."""
    many, at_once = timed("many", JOBS, ROUNDS)
    loop, _ = timed("loop", ITERATIONS, LOOP_ROUNDS, job_seconds=ITERATION_SECONDS)
    _, held = timed("many", HELD_JOBS, 1, job_seconds=HELD_SECONDS, scale=SCALE)
    over = "official client"
    kept = report([
        Row(f"{JOBS} jobs that end at once", over, many["ours"], many["official"], times=10.0),
        Row(
            f"{ITERATIONS} iterations in a session, jobs of {ITERATION_SECONDS * 1e3:g} ms",
            over, loop["ours"], loop["official"], times=2.0,
        ),
    ])  # fmt: skip
    print("\n| jobs, each keeping the device for | requests | official client | part | at most | |")
    print("|---|---|---|---|---|---|")
    for (seconds, most), count, asked in zip(
        MOST_REQUESTS.items(), [JOBS, HELD_JOBS], [at_once, held], strict=True
    ):
        part = asked["ours"] / asked["official"]
        kept = kept and part <= most
        print(
            f"| {count}, {seconds:g} s | {asked['ours']:.0f} | {asked['official']:.0f} "
            f"| {part:.1%} | {most:.0%} | {'kept' if part <= most else 'MISSED'} |"
        )
    return kept
