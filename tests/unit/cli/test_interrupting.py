"""Ctrl-C leaves the work alone, and says so."""

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from swqr_core import connect

from .conftest import BELL, Shown, World, serving

Swqr = Callable[..., Shown]
ENDLESS = "memory://?execution=threads&ideal=3&pace=real&job_seconds=600"


def read(terminal: int, until: bytes) -> bytes:
    """Return what a terminal shows until it shows *until*, or to its end."""
    shown = b""
    while until not in shown:
        try:
            shown += os.read(terminal, 4096)
        except OSError:  # whoever wrote is gone
            break
    return shown


def test_run_says_which_job_goes_on_and_how_to_cancel_it(tmp_path: Path) -> None:
    file = tmp_path / "bell.qasm"
    file.write_text(BELL)
    ours, theirs = pty.openpty()
    with serving(cloud=ENDLESS) as url, connect(url) as runtime:
        process = subprocess.Popen(
            [sys.executable, "-m", "swqr_adapters.cli", "run", str(file), "-p", url],
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "400"},
        )
        os.close(theirs)
        read(ours, until=b"running")  # the line of its progress
        process.send_signal(signal.SIGINT)
        told = read(ours, until=b"never").decode()
        code = process.wait(timeout=60)
        (job,) = runtime.jobs()
    os.close(ours)

    assert (code, job.state.ended) == (130, False)
    assert f"job {job.id} goes on; 'swqr results {job.id} -p {url}' waits for it" in told
    assert f"'swqr jobs cancel {job.id} -p {url}' cancels it" in told
    assert "Traceback" not in told


def stop(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("where", "command", "says"),
    [
        ("results.wait_job", ["results", "{job}"], "'swqr jobs cancel {job} -p {url}' cancels it"),
        ("watching.console", ["jobs", "--watch"], "'swqr jobs cancel ID -p {url}' ends one"),
        ("watching.console", ["sessions", "--watch"], "'swqr sessions close ID -p {url}' ends one"),
    ],
)
def test_who_stops_looking_is_told_how_to_stop_the_work(  # noqa: PLR0917
    where: str,
    command: list[str],
    says: str,
    swqr: Swqr,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(f"swqr_adapters.cli.{where}", stop)
    shown = swqr(*(one.format(job=world.job) for one in command), "-p", world.url)

    assert shown.code == 130
    assert says.format(job=world.job, url=world.url) in shown.err
