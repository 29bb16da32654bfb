"""The unmodified Strangeworks packages, and ``swqr serve`` in a process of its own.

``SWQR_SERVER_PYTHON`` names the Python of an environment that has swqr: the packages pin releases
that cannot live beside it.
"""

import json
import os
import shlex
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

PYTHON = os.environ.get("SWQR_SERVER_PYTHON", sys.executable)
BACKEND = "ibm_manila"
CLOUD = "memory://?seed=7&noise=off&workers=1"


def release_of(package: str) -> tuple[int, ...] | None:
    try:
        return tuple(int(part) for part in version(package).split(".")[:3])
    except PackageNotFoundError:
        return None


SDK = release_of("strangeworks")
RUNTIME = release_of("strangeworks-qiskit-runtime")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out what the environment has no package for."""
    if SDK is None or (RUNTIME is None and collection_path.name == "test_runtime.py"):
        return True
    return None


@frozen
class Served:
    """A server that runs."""

    url: str
    key: str
    workspace: str
    product: str
    resource: str
    environment: dict[str, str]

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the control surface."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_swqr{path}", data=data, method=method)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=120) as answer:
            text = answer.read()
        return json.loads(text) if text else None


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server for all tests."""
    ready = tmp_path_factory.mktemp("served") / "ready.json"
    command = [PYTHON, "-m", "swqr_adapters.cli", "serve", "--port", "0", "--print-env"]
    process = subprocess.Popen(
        [*command, "--transport", CLOUD, "--ready-file", str(ready)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        lines = (process.stdout.readline().removeprefix("export ") for _ in range(11))
        pairs = (line.partition("=") for line in lines)
        environment = {name: shlex.split(value)[0] for name, _, value in pairs}
        found = json.loads(ready.read_text())
        names = ("url", "workspace", "product", "resource")
        facts = {name: found[name] for name in names}
        yield Served(**facts, key=found["token"], environment=environment)
    finally:
        process.send_signal(signal.SIGTERM)
        process.stdout.close()
        assert process.wait(timeout=90) == 0


@pytest.fixture(scope="session")
def sdk(served: Served) -> Any:
    """The SDK, logged in."""
    import strangeworks

    strangeworks.authenticate(api_key=served.key, url=served.url, store_credentials=False)
    return strangeworks
