"""Servers to measure, each in a process of its own on a free port of this machine."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from attrs import field, frozen

__all__ = ["LOCALQPU", "Address", "bare", "cloud", "localqpu", "pair", "stub"]

LOCALQPU = "SWQR_BENCH_LOCALQPU"
"""The variable that names a Python interpreter beside which localqpu 0.3.0 is installed."""

_CRN = "crn:v1:bluemix:public:quantum-computing:us-east:a/localqpu::localqpu"  # the only one there
_ANY = "any"  # either takes whatever key it is shown
_GRACE = 10.0  # seconds
# The stub of localqpu is as ours: every job is done at once, with a result that was made before.
_LOCALQPU = """
import sys
from functools import partial

import localqpu.app
from localqpu.context import ServerConfig
from localqpu.programs.base import ProgramOutput

if len(sys.argv) > 1:
    done = ProgramOutput(sys.argv[1], is_stub=False, entangled_qubits=2)
    localqpu.app.JobManager = partial(
        localqpu.app.JobManager, runner_lookup=lambda _: lambda params, settings: done
    )
server = localqpu.app.start_server(ServerConfig(port=0))
print(server.url, flush=True)
server.wait()
"""
# A process of its own: who measures shall not import Qiskit, nor pay for collecting its objects.
_PAIR = """
import sys
from benchmarks._native import native_pair
from benchmarks._programs import sampler_bytes, sampler_params
from swqr_core import connect

circuit = native_pair()
with connect("memory://?noise=off") as runtime:
    result = sampler_bytes(runtime, "ibm_brisbane", circuit, 1024)()
sys.stdout.write(sampler_params(circuit, 1024).decode() + "\\n" + result.decode())
"""


@frozen(kw_only=True)
class Address:
    """Where a server is, and how to be let in.

    Attributes:
        url: Its URL.
        crn: The instance.
        token: An API key.
    """

    url: str
    crn: str
    token: str = field(repr=False)


@cache
def pair() -> tuple[bytes, bytes]:
    """Return the parameters of a tiny job for ``ibm_brisbane``, and a result that it may have."""
    command = [sys.executable, "-W", "ignore", "-c", _PAIR]
    text = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    params, _, result = text.partition(b"\n")
    return params, result


@contextmanager
def _running(command: Sequence[str]) -> Iterator[str]:
    """Run a server, and give the first line that it prints."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline().decode().strip()
            if not line:
                raise RuntimeError(f"{' '.join(command)!r:.200} did not start")
            yield line
        finally:
            process.terminate()
            try:
                process.wait(_GRACE)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def bare() -> Iterator[Address]:
    """Serve one JSON document with nothing but aiohttp."""
    with _running([sys.executable, "-m", "benchmarks._served", "bare"]) as url:
        yield Address(url=url, crn=_CRN, token=_ANY)


@contextmanager
def stub(*, job_seconds: float = 0.0) -> Iterator[Address]:
    """Serve a cloud of ours that runs nothing; every job keeps the device that long."""
    _, result = pair()
    command = [sys.executable, "-m", "benchmarks._served", "stub", str(job_seconds)]
    with _running([*command, result.decode()]) as line:
        yield Address(**json.loads(line))


@contextmanager
def cloud() -> Iterator[Address]:
    """Serve the in-memory cloud as ``swqr serve`` does."""
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.json"
        command = [sys.executable, "-m", "swqr_adapters.cli", "serve", "--port", "0"]
        command += ["--transport", "memory://?noise=off", "--ready-file", str(ready)]
        with _running(command):
            told = json.loads(ready.read_text(encoding="utf-8"))
            yield Address(url=told["url"], crn=told["crn"], token=told["token"])


@contextmanager
def localqpu(*, stub: bool = False) -> Iterator[Address | None]:
    """Serve localqpu, with its own executor or with one that runs nothing; None without it."""
    python = os.environ.get(LOCALQPU)
    if python is None:
        yield None
        return
    _, result = pair()
    with _running([python, "-c", _LOCALQPU, *([result.decode()] if stub else [])]) as url:
        yield Address(url=url, crn=_CRN, token=_ANY)
