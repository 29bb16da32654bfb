"""Devices, and jobs run on them in this process."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from swqr_adapters.codec import encode
from swqr_adapters.execution.device import Device
from swqr_adapters.execution.runner import run_request
from swqr_adapters.fleet import Fleet
from swqr_core.ports.executor import ExecutionOutcome, ExecutionRequest, ExecutionStatus

FLEET = Fleet()


@pytest.fixture
def device() -> Callable[..., Device]:
    """Return a maker of devices by name."""

    def make(name: str, **options: Any) -> Device:
        entry = FLEET.resolve(name)
        assert entry is not None
        return Device.from_spec(entry.device_spec(**options))

    return make


@pytest.fixture
def outcome() -> Callable[..., ExecutionOutcome]:
    """Return a runner of jobs: program, device name, pubs, and other parameters."""

    def run(
        program: str, device: str, pubs: Any, *, seed: int = 1, spec: Any = None, **params: Any
    ) -> ExecutionOutcome:
        entry = FLEET.resolve(device)
        assert entry is not None
        body = {"pubs": pubs, "version": 2, "support_qiskit": True, **params}
        return run_request(
            ExecutionRequest(
                job_id="job",
                program_id=program,
                params=encode(body),
                device=entry.device_spec(**(spec or {})),
                seed=seed,
            )
        )

    return run


@pytest.fixture
def result(outcome: Callable[..., ExecutionOutcome]) -> Callable[..., Any]:
    """Return a runner of jobs whose result the official client decodes."""

    def run(*args: Any, **kwargs: Any) -> Any:
        from qiskit_ibm_runtime import RuntimeDecoder

        found = outcome(*args, **kwargs)
        assert found.status is ExecutionStatus.COMPLETED, found.reason
        if kwargs.get("support_qiskit", True):
            return json.loads(found.result, cls=RuntimeDecoder)
        return json.loads(found.result)

    return run


@pytest.fixture
def chi_square() -> Callable[..., float]:
    """Return chi square over its degrees of freedom, of counts against probabilities."""

    def measure(counts: Any, chances: Any) -> float:
        chances = np.asarray(chances, dtype=float)
        width = (len(chances) - 1).bit_length()
        shots = sum(counts.values())
        seen = np.array([counts.get(format(i, f"0{width}b"), 0) for i in range(len(chances))])
        likely = chances * shots > 5
        expected = chances[likely] * shots
        assert seen[chances < 1e-12].sum() == 0
        return float(((seen[likely] - expected) ** 2 / expected).sum() / (likely.sum() - 1))

    return measure
