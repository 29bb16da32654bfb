"""Official objects whose jobs run here: what they post goes through a program, bytes to bytes."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import qiskit_ibm_runtime
from attrs import define, field
from qiskit_ibm_runtime import IBMBackend, QiskitRuntimeService
from qiskit_ibm_runtime.utils.backend_decoder import configuration_from_server_data

from swqr_adapters.codec.official import decode_result, encode_params
from swqr_adapters.execution.programs import PROGRAMS
from swqr_adapters.execution.result import ProgramResult
from swqr_adapters.execution.runner import _program
from swqr_core.ports.executor import ExecutionRequest

SNAPSHOTS = Path(qiskit_ibm_runtime.__file__).parent / "fake_provider" / "backends"


def device_spec(snapshot: str, *, noise: bool = False) -> dict[str, object]:
    folder = SNAPSHOTS / snapshot
    configuration = json.loads((folder / f"conf_{snapshot}.json").read_text())
    return {
        "name": configuration["backend_name"],
        "snapshot": snapshot,
        "snapshot_dir": str(folder),
        "num_qubits": configuration["n_qubits"],
        "noise": noise,
    }


def run_program(
    program_id: str, params: bytes, device: Mapping[str, object], *, seed: int = 11
) -> ProgramResult:
    request = ExecutionRequest(
        job_id="job-1", program_id=program_id, params=params, device=device, seed=seed
    )
    return _program(program_id, PROGRAMS)(request)


@define
class Job:
    """A job that has run."""

    program_id: str
    params: bytes = field(repr=False)
    answer: ProgramResult = field(repr=False)

    def result(self) -> Any:
        return decode_result(self.program_id, self.answer.result)


class Client:
    """What a backend object asks of its client."""

    def __init__(self, snapshot: str) -> None:
        self._folder, self._snapshot = SNAPSHOTS / snapshot, snapshot
        self._instance = None

    def backend_configuration(self, *args: Any, **options: Any) -> Any:
        return json.loads((self._folder / f"conf_{self._snapshot}.json").read_text())

    def backend_properties(self, *args: Any, **options: Any) -> Any:
        return json.loads((self._folder / f"props_{self._snapshot}.json").read_text())


class Service(QiskitRuntimeService):
    """A service whose jobs run at once, in this process."""

    is_local = False

    def __new__(cls, *args: Any, **options: Any) -> Any:
        return object.__new__(cls)

    def __init__(self, snapshot: str, *, noise: bool) -> None:
        self.client = Client(snapshot)
        self.device = device_spec(snapshot, noise=noise)

    def ibm_backend(self) -> Any:
        raw = self.client.backend_configuration()
        return IBMBackend(
            configuration=configuration_from_server_data(raw_config=raw),
            service=self,
            api_client=self.client,
        )

    def _run(self, program_id: str, inputs: Any, **options: Any) -> Any:
        params = encode_params(program_id, inputs)
        return Job(program_id, params, run_program(program_id, params, self.device))

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other


@pytest.fixture
def manila() -> dict[str, object]:
    """Return a device of five qubits, without noise."""
    return device_spec("manila")


@pytest.fixture
def run(manila: dict[str, object]) -> Callable[..., ProgramResult]:
    """Return ``run(program_id, params, device=manila, seed=11)`` for parameters as plain JSON."""

    def run(
        program_id: str,
        params: object,
        device: Mapping[str, object] | None = None,
        seed: int = 11,
    ) -> ProgramResult:
        data = json.dumps(params).encode()
        return run_program(program_id, data, device or manila, seed=seed)

    return run


@pytest.fixture
def backend() -> Callable[..., Any]:
    """Return a maker of official backends: ``backend("manila", noise=False)``."""

    def make(snapshot: str = "manila", *, noise: bool = False) -> Any:
        return Service(snapshot, noise=noise).ibm_backend()

    return make
