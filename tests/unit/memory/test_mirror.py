"""A cloud made from a fleet file."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from swqr_adapters.transports.memory.cloud import MemoryCloud
from swqr_adapters.transports.memory.settings import CloudSettings, connect, make_cloud
from swqr_core.clock import VirtualClock
from swqr_core.errors import (
    AccessDeniedError,
    BackendNotFoundError,
    ConfigurationError,
    InvalidInputError,
    LimitExceededError,
)
from swqr_core.model.backend import BackendStatus
from swqr_core.model.ids import BackendName, ProgramId
from swqr_core.model.job import JobSpec
from swqr_core.model.principal import Principal
from swqr_core.model.session import SessionMode, SessionSpec
from swqr_core.testing import StubExecutor

TEXT = """
[[instance]]
name = "team"
plan = "premium"
usage_limit_seconds = 5000

[[instance]]
name = "free"
plan = "open"
region = "eu-de"

[[backend]]
name = "ideal_4"
calibration_ids = ["cal-1"]
concurrent_jobs = 2

[[backend]]
name = "ideal_6"
status = "paused"
instances = ["team"]

[[backend]]
name = "mock_toy"
snapshot = "ideal_4"
mock = true
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "fleet.toml"
    path.write_text(TEXT)
    return path


@pytest.fixture
def executor() -> StubExecutor:
    return StubExecutor(manual=True)


@pytest.fixture
async def cloud(path: Path, executor: StubExecutor) -> AsyncIterator[MemoryCloud]:
    settings = CloudSettings(fleet=str(path))
    made = make_cloud(settings, executor=executor, clock=VirtualClock())
    yield made
    await made.aclose()


def spec(backend: str, **more: str) -> JobSpec:
    return JobSpec(program_id=ProgramId("sampler"), backend=BackendName(backend), **more)  # type: ignore[arg-type]


def seat(cloud: MemoryCloud, number: int) -> Principal:
    return Principal(instance=cloud.instances[number].id)


async def test_backends_are_those_of_the_file(cloud: MemoryCloud) -> None:
    found = await cloud.transport().backends()

    assert [(b.name, b.status, b.is_mock) for b in found] == [
        ("ideal_4", BackendStatus.ONLINE, False),
        ("ideal_6", BackendStatus.PAUSED, False),
        ("mock_toy", BackendStatus.ONLINE, True),
    ]


async def test_a_backend_of_other_instances_is_not_there(cloud: MemoryCloud) -> None:
    free = cloud.transport(seat(cloud, 1))

    assert [backend.name for backend in await free.backends()] == ["ideal_4", "mock_toy"]
    with pytest.raises(BackendNotFoundError):
        await free.backend("ideal_6")
    with pytest.raises(BackendNotFoundError):
        await free.submit(spec("ideal_6"), b"{}", key="k")
    with pytest.raises(BackendNotFoundError):
        await free.open_session(
            SessionSpec(backend=BackendName("ideal_6"), mode=SessionMode.BATCH), key="k"
        )


async def test_a_paused_backend_keeps_its_queue(cloud: MemoryCloud, executor: StubExecutor) -> None:
    team = cloud.transport()
    await team.submit(spec("ideal_6"), b"{}", key="k")

    assert (await team.backend("ideal_6")).queue_length == 1
    assert executor.ran == []


async def test_as_many_jobs_run_side_by_side_as_the_file_says(
    cloud: MemoryCloud, executor: StubExecutor
) -> None:
    team = cloud.transport()
    ids = [(await team.submit(spec("ideal_4"), b"{}", key=str(n))).id for n in range(3)]
    await executor.started(ids[0])
    await executor.started(ids[1])

    assert len(executor.running) == 2


async def test_calibrations_of_the_file_are_known_and_others_are_not(cloud: MemoryCloud) -> None:
    team = cloud.transport()

    assert await team.backend_configuration("ideal_4", calibration_id="cal-1")
    with pytest.raises(InvalidInputError):
        await team.backend_configuration("ideal_4", calibration_id="cal-2")
    with pytest.raises(InvalidInputError):
        await team.submit(spec("ideal_4", calibration_id="cal-2"), b"{}", key="k")


async def test_each_instance_has_its_plan(cloud: MemoryCloud) -> None:
    team, free = cloud.transport(), cloud.transport(seat(cloud, 1))
    dedicated = SessionSpec(backend=BackendName("ideal_4"))

    assert (await team.usage()).limit_seconds == 5000
    assert (await free.usage()).limit_seconds == 600
    await team.open_session(dedicated, key="k")
    with pytest.raises(AccessDeniedError):
        await free.open_session(dedicated, key="k")
    for number in range(3):
        await free.submit(spec("ideal_4"), b"{}", key=str(number))
    with pytest.raises(LimitExceededError):
        await free.submit(spec("ideal_4"), b"{}", key="3")


async def test_a_url_may_choose_an_instance_by_name(path: Path) -> None:
    settings = {"fleet": str(path), "instance": "free", "execution": "threads"}
    transport = await connect("", settings)

    assert transport.principal.instance.endswith(":free::")
    await transport.aclose()


def test_an_instance_that_the_file_has_not_is_refused(path: Path) -> None:
    with pytest.raises(ConfigurationError, match="team, free"):
        make_cloud(CloudSettings(fleet=str(path), instance="none"), executor=StubExecutor())
