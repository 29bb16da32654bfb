"""``swqr serve`` in a process of its own, for the Rust-based QRMI package.

``SWQR_SERVER_PYTHON`` names the Python of an environment that has swqr; the tests need nothing of
it in their own.
"""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

PYTHON = os.environ.get("SWQR_SERVER_PYTHON", sys.executable)
BACKEND = "ibm_manila"
CLOUD = "memory://?seed=7&noise=off&workers=1"


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What a server that runs says of itself."""
    file: Path = tmp_path_factory.mktemp("served") / "ready.json"
    command = [PYTHON, "-m", "swqr_adapters.cli", "serve", "--port", "0", "--transport", CLOUD]
    process = subprocess.Popen(
        [*command, "--ready-file", str(file)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        process.stdout.readline()
        yield json.loads(file.read_text())
    finally:
        process.terminate()
        process.stdout.close()
        assert process.wait(timeout=90) == 0


@pytest.fixture
def look(ready: dict[str, str]) -> Callable[[str], Any]:
    """Ask the control surface."""

    def ask(what: str) -> Any:
        with urllib.request.urlopen(f"{ready['url']}/_swqr/{what}", timeout=30) as answer:
            return json.loads(answer.read())[what]

    return ask


@pytest.fixture(params=["QCS", "QRS"])
def kind(request: pytest.FixtureRequest) -> str:
    """The package's current name for this kind of resource, and the one before."""
    return str(request.param)


@pytest.fixture
def environment(ready: dict[str, str], kind: str) -> dict[str, str]:
    prefix = f"QRMI_IBM_{kind}"
    return {
        f"{prefix}_ENDPOINT": ready["api_base"],
        f"{prefix}_IAM_ENDPOINT": ready["iam_url"],
        f"{prefix}_IAM_APIKEY": ready["token"],
        f"{prefix}_SERVICE_CRN": ready["crn"],
    }


@pytest.fixture
def resource(
    environment: dict[str, str], kind: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """Make the package's object for the device."""
    qrmi = pytest.importorskip("qrmi")

    def make(**settings: str) -> Any:
        given = {
            **environment,
            f"QRMI_IBM_{kind}_TIMEOUT_SECONDS": "600",
            **{f"QRMI_IBM_{kind}_{name}": value for name, value in settings.items()},
        }
        for name, value in given.items():
            monkeypatch.setenv(f"{BACKEND}_{name}", value)
        kinds = qrmi.ResourceType
        chosen = kinds.IBMQuantumComputeService if kind == "QCS" else kinds.IBMQiskitRuntimeService
        return qrmi.QuantumResource(BACKEND, chosen)

    return make
