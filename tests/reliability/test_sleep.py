"""Waits over the sleep of a machine and a network that is away: real processes are stopped."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest
from reliability._sleeper import TRANSPORTS

# The server closes idle connections after 1 s; the client gives up on an answer after as much.
NAP = 3.0

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a process of ``reliability._sleeper``; all are killed at the end."""
    started = []

    def begin(*args: str, before: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        command = [*before, sys.executable, "-m", "reliability._sleeper", *args]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.communicate(timeout=60)


@pytest.fixture
def server(start: Start) -> subprocess.Popen[str]:
    return start("serve")


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def asleep(*processes: subprocess.Popen[str], seconds: float = NAP) -> None:
    """Stop processes, all at once; when they go on it is eight hours later."""
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    time.sleep(seconds)  # noqa: TID251 - this is what sleep is
    for process in processes:
        process.send_signal(signal.SIGUSR1)
        process.send_signal(signal.SIGCONT)


def came_through(client: subprocess.Popen[str]) -> bool:
    told = json.loads(line(client))
    return bool(told.get("state") == "completed" and told["result"] == told["expected"])


# The job ends while everybody sleeps, or a while after they have woken.
seconds = pytest.mark.parametrize(
    "seconds", ["1", pytest.param("4", marks=pytest.mark.slow)], ids=["over", "under_way"]
)
transports = pytest.mark.parametrize(
    "transport", [TRANSPORTS[0], *(pytest.param(t, marks=pytest.mark.slow) for t in TRANSPORTS[1:])]
)


@seconds
@transports
def test_a_client_that_slept_gets_its_result(
    start: Start, server: subprocess.Popen[str], transport: str, seconds: str
) -> None:
    client = start("wait", transport, line(server), "ideal_5", seconds, "60")
    assert line(client) == "waiting"

    server.send_signal(signal.SIGUSR1)  # its tokens are eight hours old when the client wakes
    asleep(client)

    assert came_through(client)


@pytest.mark.slow
@pytest.mark.parametrize("both", [False, True], ids=["server", "both"])
@seconds
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_server_that_slept_or_both_lose_nothing(
    start: Start, server: subprocess.Popen[str], transport: str, seconds: str, both: bool
) -> None:
    client = start("wait", transport, line(server), "ideal_5", seconds, "60")
    assert line(client) == "waiting"

    asleep(server, *([client] if both else []), seconds=2 * NAP)

    assert came_through(client)


@pytest.mark.slow
@pytest.mark.parametrize("leap", [signal.SIGUSR1, signal.SIGUSR2], ids=["ahead", "back"])
@pytest.mark.parametrize("who", ["client", "server"])
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_clock_that_is_set_in_the_middle_changes_neither_a_wait_nor_its_deadline(
    start: Start, server: subprocess.Popen[str], transport: str, who: str, leap: signal.Signals
) -> None:
    url = line(server)
    finds = start("wait", transport, url, "ideal_5", "3", "60")
    gives_up = start("wait", transport, url, "ideal_4", "30", "3")
    assert line(finds) == line(gives_up) == "waiting"

    for process in [finds, gives_up] if who == "client" else [server]:
        process.send_signal(leap)

    assert came_through(finds)
    told = json.loads(line(gives_up))
    assert told["error"] == "WaitTimeoutError"
    assert 3 <= told["took"] < 10


@pytest.fixture
def network() -> Iterator[tuple[str, ...]]:
    """A network of one's own, as the command that brings a process into it."""
    if not shutil.which("nsenter") or not shutil.which("ip"):
        pytest.skip("no nsenter and ip")
    holder = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo; exec sleep 600"], stdout=-1)
    assert holder.stdout is not None
    try:
        if not holder.stdout.readline():
            pytest.skip("no network of one's own may be made here")
        yield ("nsenter", "--net", "--target", str(holder.pid))
    finally:
        holder.kill()
        holder.communicate(timeout=60)


@pytest.mark.slow
@seconds
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_network_that_goes_away_and_comes_back_costs_no_result(
    start: Start, network: tuple[str, ...], transport: str, seconds: str
) -> None:
    def set_network(state: str) -> None:
        subprocess.run([*network, "ip", "link", "set", "lo", state], check=True)

    set_network("up")
    server = start("serve", before=network)
    client = start("wait", transport, line(server), "ideal_5", seconds, "60", before=network)
    assert line(client) == "waiting"

    set_network("down")
    time.sleep(NAP)  # noqa: TID251 - so long is it away
    set_network("up")

    assert came_through(client)
