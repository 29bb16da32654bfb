"""The command as a shell sees it, and a server of one's own with some work on it."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from attrs import frozen

from swqr_adapters.cli.app import run
from swqr_core import connect

CLOUD = "memory://?execution=threads&ideal=3&seed=1&noise=off"
BELL = (
    'OPENQASM 3.0;\ninclude "stdgates.inc";\nbit[2] c;\n'
    "h $0;\ncx $0, $1;\nc[0] = measure $0;\nc[1] = measure $1;\n"
)


@frozen
class Shown:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def swqr(capsys: pytest.CaptureFixture[str]) -> Callable[..., Shown]:
    """Run the command and return what it did."""

    def command(*args: str) -> Shown:
        code = run(args)
        printed = capsys.readouterr()
        return Shown(code, printed.out, printed.err)

    return command


@frozen
class World:
    """A server, a session on it that is closed, and its job."""

    url: str
    session: str
    job: str


@contextmanager
def serving(*options: str, cloud: str = CLOUD) -> Iterator[str]:
    """Serve a cloud and return the server's URL."""
    command = [sys.executable, "-m", "swqr_adapters.cli", "serve", "--port", "0", *options]
    process = subprocess.Popen([*command, "--transport", cloud], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().split()[-1]
    finally:
        process.terminate()
        process.communicate(timeout=60)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with serving() as url, connect(url) as runtime:
        with runtime.open_session("ideal_3") as session:
            params = json.dumps({"pubs": [[BELL, None, 100]], "version": 2}).encode()
            job = session.submit("sampler", params, tags=["mine"])
            job.wait(timeout=120)
        yield World(url, session.id, job.id)


@pytest.fixture
def guarded() -> Iterator[str]:
    """Return the URL of a server that wants a key."""
    with serving("--api-key", "right") as url:
        yield url
