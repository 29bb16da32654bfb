"""The unmodified official client, and ``swqr serve`` in a process of its own.

The tests need nothing of swqr in their own environment. ``SWQR_SERVER_PYTHON`` names the Python
of one that has it, for releases of the client that cannot share one with the server.
"""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from attrs import frozen
from qiskit import QuantumCircuit, transpile
from qiskit_ibm_runtime import QiskitRuntimeService

CLIENT = tuple(int(part) for part in version("qiskit-ibm-runtime").split(".")[:2])
ANY_IAM = (0, 49)  # from here on the client can be told where IAM is
EXECUTOR_FAMILY = (0, 48)
PYTHON = os.environ.get("SWQR_SERVER_PYTHON", sys.executable)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "since(*release): works from this release of the client on")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        mark = item.get_closest_marker("since")
        if mark is not None and mark.args > CLIENT:
            least = ".".join(map(str, mark.args))
            item.add_marker(pytest.mark.skip(reason=f"a part of the client from {least} on"))


@frozen
class Served:
    """A server that runs."""

    url: str
    crn: str
    token: str
    environment: dict[str, str]

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the control surface."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_swqr{path}", data=data, method=method)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=120) as answer:
            text = answer.read()
        return json.loads(text) if text else None


@contextmanager
def serving(transport: str, folder: Path, *options: str, **env: str) -> Iterator[Served]:
    ready = folder / "ready.json"
    command = [PYTHON, "-m", "swqr_adapters.cli", "serve", "--port", "0", "--print-env"]
    process = subprocess.Popen(
        [*command, "--transport", transport, "--ready-file", str(ready), *options],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, **env},
    )
    assert process.stdout is not None
    try:
        lines = [process.stdout.readline() for _ in range(6)]
        pairs = (line.strip().removeprefix("export ").partition("=") for line in lines)
        environment = {name: value.strip("'") for name, _, value in pairs}
        found = json.loads(ready.read_text())
        yield Served(found["url"], found["crn"], found["token"], environment)
    finally:
        process.send_signal(signal.SIGTERM)
        process.stdout.close()
        assert process.wait(timeout=90) == 0


@contextmanager
def instead_of_ibm(url: str) -> Iterator[None]:
    """Lead every request for IBM's hosts to a server, as a name server would.

    This is how releases before 0.49 are helped to find a local IAM, which they look for at IBM
    whatever they are told.
    """
    original = requests.Session.send

    def send(self: Any, request: Any, **options: Any) -> Any:
        parts = urlsplit(request.url)
        if (parts.hostname or "").endswith("cloud.ibm.com"):
            request = request.copy()
            request.headers["Host"] = parts.netloc
            query = f"?{parts.query}" if parts.query else ""
            request.url = f"{url}{parts.path}{query}"
        return original(self, request, **options)

    requests.Session.send = send  # type: ignore[method-assign]
    try:
        yield
    finally:
        requests.Session.send = original  # type: ignore[method-assign]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    return lambda: tmp_path_factory.mktemp("served")


@pytest.fixture(scope="session")
def served(folder: Callable[[], Path]) -> Iterator[Served]:
    with serving("memory://?seed=7&noise=off&workers=1", folder()) as found:
        yield found


@pytest.fixture(scope="session")
def service(served: Served) -> Iterator[Any]:
    """A service that found its instance itself, on all releases by the same way."""
    with instead_of_ibm(served.url):
        yield QiskitRuntimeService(
            channel="ibm_quantum_platform", token=served.token, instance=served.crn
        )


@pytest.fixture
def timeless(folder: Callable[[], Path]) -> Iterator[tuple[Any, Callable[[float], None]]]:
    """A service whose time passes when told to, on which each job takes two hours."""
    url = "memory://?seed=7&noise=off&workers=1&clock=virtual&pace=real&job_seconds=7200"
    with serving(url, folder()) as found, instead_of_ibm(found.url):
        made = QiskitRuntimeService(
            channel="ibm_quantum_platform", token=found.token, instance=found.crn
        )

        def advance(seconds: float) -> None:
            found.control("POST", "/clock/advance", {"seconds": seconds})

        yield made, advance


@pytest.fixture(scope="session")
def backend(service: Any) -> Any:
    return service.backend("ibm_manila")


def bell_for(backend: Any, *, measured: bool = True) -> Any:
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    if measured:
        circuit.measure_all()
    return transpile(circuit, backend, seed_transpiler=1)


@pytest.fixture(scope="session")
def bell(backend: Any) -> Any:
    return bell_for(backend)


@pytest.fixture(scope="session")
def pair(backend: Any) -> Any:
    return bell_for(backend, measured=False)


@pytest.fixture(scope="session")
def make_bell() -> Callable[..., Any]:
    return bell_for


@pytest.fixture(scope="session")
def lead() -> Callable[[str], Any]:
    return instead_of_ibm


@pytest.fixture(scope="session")
def serve() -> Callable[..., Any]:
    return serving
