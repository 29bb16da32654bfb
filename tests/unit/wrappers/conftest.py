"""A transport to wrap: the in-memory cloud on virtual time, with jobs that end as they are told."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from attrs import frozen

from swqr_adapters.fleet import Fleet
from swqr_adapters.storage import SpillingBlobStore
from swqr_adapters.transports.memory import MemoryCloud
from swqr_core.clock import VirtualClock
from swqr_core.model.ids import BackendName, InstanceId, ProgramId
from swqr_core.model.job import JobSpec
from swqr_core.model.principal import Instance, Principal
from swqr_core.model.session import SessionSpec
from swqr_core.ports.transport import RuntimeTransport
from swqr_core.testing import SequentialIds, StubExecutor

SESSION = SessionSpec(backend=BackendName("ideal_5"), max_ttl=600)
JOB = JobSpec(program_id=ProgramId("sampler"), backend=BackendName("ideal_5"))
CRN = InstanceId("crn:v1:bluemix:public:quantum-computing:us-east:a/8f3c:1b2d::")


@frozen
class Platform:
    transport: RuntimeTransport
    clock: VirtualClock
    executor: StubExecutor
    cloud: MemoryCloud
    session: SessionSpec = SESSION
    job: JobSpec = JOB
    crn: str = CRN


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[Platform]:
    clock, executor = VirtualClock(), StubExecutor(manual=True)
    cloud = MemoryCloud(
        clock=clock,
        ids=SequentialIds(),
        executor=executor,
        blobs=SpillingBlobStore(),
        fleet=Fleet(folder=tmp_path, ideal_sizes=(5,)),
        instances=(Instance(id=CRN, name="acme"),),
    )
    transport = cloud.transport(Principal(user="ada@example.org", instance=CRN))
    yield Platform(transport, clock, executor, cloud)
    await transport.aclose()
    await cloud.aclose()
