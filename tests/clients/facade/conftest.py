"""Ordinary Qiskit Runtime programs on the in-memory cloud."""

from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any

import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import ParameterVector

from swqr_adapters.facade import QiskitRuntimeService
from swqr_adapters.transports.memory.settings import CloudSettings, make_cloud
from swqr_adapters.transports.memory.transport import MemoryTransport
from swqr_core.clock import VirtualClock
from swqr_core.model.principal import Principal
from swqr_core.runtime.blocking import Runtime

CLIENT = tuple(int(part) for part in version("qiskit-ibm-runtime").split(".")[:2])
EXECUTOR_FAMILY = (0, 49)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "executor_family" in item.keywords and CLIENT < EXECUTOR_FAMILY:
            item.add_marker(pytest.mark.skip(reason="the executor family works from 0.49 on"))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "executor_family: needs the client-side primitives")


@pytest.fixture(scope="session")
def service() -> Iterator[Any]:
    with QiskitRuntimeService(transport="memory://?seed=7&noise=off&workers=1") as made:
        yield made


@pytest.fixture(scope="session")
def noisy() -> Iterator[Any]:
    with QiskitRuntimeService(transport="memory://?seed=7&noise=on&workers=1") as made:
        yield made


@pytest.fixture
def slow() -> Iterator[Any]:
    """A cloud on which nothing ends: every job keeps its device for an hour."""
    url = "memory://?seed=7&workers=1&pace=real&job_seconds=3600"
    with QiskitRuntimeService(transport=url) as made:
        yield made


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def timeless(clock: VirtualClock) -> Iterator[Any]:
    """A cloud whose time passes only when told to, and on which jobs take two hours."""
    settings = CloudSettings(seed=7, noise=False, workers=1, job_seconds=7200.0)

    async def make() -> MemoryTransport:
        cloud = make_cloud(settings, clock=clock)
        principal = Principal(instance=cloud.instances[0].id)
        return MemoryTransport(cloud, principal, owns_cloud=True)

    with Runtime(make, clock=clock) as runtime:
        yield QiskitRuntimeService(runtime=runtime)


@pytest.fixture
def advance(clock: VirtualClock, timeless: Any) -> Callable[[float], None]:
    """Let that many seconds pass on the cloud."""

    def pass_time(seconds: float) -> None:
        async def go(_: Any) -> None:
            await clock.advance(seconds)

        timeless.runtime.run(go)

    return pass_time


@pytest.fixture(scope="session")
def ideal(service: Any) -> Any:
    return service.backend("ideal_5")


@pytest.fixture(scope="session")
def bell(ideal: Any) -> Any:
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return transpile(circuit, ideal)


@pytest.fixture(scope="session")
def pair(ideal: Any) -> Any:
    """A Bell pair that nobody measures."""
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    return transpile(circuit, ideal)


@pytest.fixture(scope="session")
def turning(ideal: Any) -> Callable[..., Any]:
    """One qubit turned by a parameter; measured or not."""

    def make(*, measured: bool) -> Any:
        circuit = QuantumCircuit(1)
        circuit.ry(ParameterVector("t", 1)[0], 0)
        if measured:
            circuit.measure_all()
        return transpile(circuit, ideal)

    return make
