"""What a server of ours tells beyond IBM's documents, and gateways."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path

import pytest

from swqr_adapters.clock import SystemClock
from swqr_adapters.fleet import Fleet
from swqr_adapters.http import AiohttpEngine, HttpAnswer, HttpEngine, Request, RetryPolicy
from swqr_adapters.ids import RandomIds
from swqr_adapters.server import Account, KeyRing, Server, ServerSettings
from swqr_adapters.server.service import Service
from swqr_adapters.storage import SpillingBlobStore
from swqr_adapters.transports.ibm import IbmSettings, IbmTransport, make_transport
from swqr_adapters.transports.memory import MemoryCloud
from swqr_core.config.connect import connect_transport
from swqr_core.errors import ConfigurationError, UnreachableError
from swqr_core.lifecycle.job import JobState
from swqr_core.model.capabilities import Capabilities
from swqr_core.model.ids import BackendName, InstanceId, ProgramId
from swqr_core.model.job import Job, JobSpec
from swqr_core.model.principal import Instance, Principal
from swqr_core.model.query import JobQuery
from swqr_core.ports.executor import ExecutionOutcome, ExecutionStatus
from swqr_core.ports.transport import RuntimeTransport
from swqr_core.testing import StubExecutor
from swqr_core.wrappers import TransportBase

from .conftest import CRN, KEY

INSTANCE = Instance(id=InstanceId(CRN), name="one")
SPEC = JobSpec(program_id=ProgramId("sampler"), backend=BackendName("ideal_5"), tags=("mine",))
RESULT = '{"answer" : "é"}'.encode()


class CountingEngine:
    """Counts requests by method and the last part of the path."""

    def __init__(self) -> None:
        self._engine = AiohttpEngine()
        self.counts: Counter[str] = Counter()

    def send(self, request: Request) -> AbstractAsyncContextManager[HttpAnswer]:
        path = request.url.partition("?")[0].rpartition("/")[2]
        self.counts[f"{request.method} {path}"] += 1
        return self._engine.send(request)

    async def aclose(self) -> None:
        await self._engine.aclose()


class World:
    """Servers and transports that are closed in the end."""

    def __init__(self, stack: AsyncExitStack, cloud: MemoryCloud) -> None:
        self.stack, self.cloud = stack, cloud

    async def serve(self, behind: RuntimeTransport) -> str:
        async def bind(_: Principal) -> RuntimeTransport:
            return behind

        ring = KeyRing(
            bind,
            capabilities=behind.capabilities,
            anybody=Account(user="ada", instances=(INSTANCE,)),
        )
        server = Server(Service(ring, ServerSettings()), port=0)
        url = await server.start()
        self.stack.push_async_callback(server.aclose)
        return f"{url}/api/v1"

    async def connect(
        self,
        url: str,
        *,
        extended: bool = True,
        engine: HttpEngine | None = None,
        retry: RetryPolicy | None = None,
    ) -> IbmTransport:
        transport = await make_transport(
            IbmSettings.parse(
                {"instance": CRN, "url": url, "token_env": "KEY", "poll_floor": "0.005"}
            ),
            environment={"KEY": KEY},
            engine=engine,
            extended=extended,
            retry=retry,
        )
        self.stack.push_async_callback(transport.aclose)
        return transport


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    outcome = ExecutionOutcome(status=ExecutionStatus.COMPLETED, result=RESULT)
    async with AsyncExitStack() as stack:
        cloud = MemoryCloud(
            clock=SystemClock(),
            ids=RandomIds(),
            executor=StubExecutor(outcome),
            blobs=SpillingBlobStore(),
            fleet=Fleet(folder=tmp_path, ideal_sizes=(5,)),
            instances=(INSTANCE,),
        )
        stack.push_async_callback(cloud.aclose)
        yield World(stack, cloud)


@pytest.fixture
def connect_counting(
    world: World,
) -> Callable[[], Awaitable[tuple[IbmTransport, Counter[str]]]]:
    async def connect() -> tuple[IbmTransport, Counter[str]]:
        engine = CountingEngine()
        url = await world.serve(world.cloud.transport())
        transport = await world.connect(url, engine=engine)
        engine.counts.clear()
        return transport, engine.counts

    return connect


Counted = Callable[[], Awaitable[tuple[IbmTransport, "Counter[str]"]]]


class FullStore(TransportBase):
    """What is behind a server whose disk is full."""

    capabilities = Capabilities(transport="memory")

    async def submit(self, spec: JobSpec, params: bytes, *, key: str) -> Job:
        raise UnreachableError("memory", "the store cannot be written: nothing was done; free room")


async def test_a_full_disk_of_the_server_is_told_as_one(world: World) -> None:
    url = await world.serve(FullStore())
    transport = await world.connect(url, retry=RetryPolicy(attempts=3, first_delay=0.001))

    with pytest.raises(UnreachableError, match="nothing was done; free room"):
        await transport.submit(SPEC, b"{}", key="k")


class TestResults:
    async def test_a_small_result_comes_with_its_job(self, connect_counting: Counted) -> None:
        transport, counts = await connect_counting()
        job = await transport.submit(SPEC, b"{}", key="k")
        await transport.wait_job(job.id, timeout=None)

        assert await transport.result(job.id) == RESULT
        assert counts["GET results"] == 0

    async def test_it_can_be_had_again(self, connect_counting: Counted) -> None:
        transport, counts = await connect_counting()
        job = await transport.submit(SPEC, b"{}", key="k")
        await transport.wait_job(job.id, timeout=None)

        assert [await transport.result(job.id) for _ in range(3)] == [RESULT] * 3
        assert counts["GET results"] == 2

    async def test_a_private_one_is_left_to_be_asked_for(self, connect_counting: Counted) -> None:
        transport, counts = await connect_counting()
        private = JobSpec(program_id=SPEC.program_id, backend=SPEC.backend, private=True)
        job = await transport.submit(private, b"{}", key="k")
        await transport.wait_job(job.id, timeout=None)

        assert [await transport.result(job.id) for _ in range(2)] == [RESULT, None]
        assert counts["GET results"] == 2

    async def test_nobody_else_is_given_one_unasked(
        self, world: World, connect_counting: Counted
    ) -> None:
        url = await world.serve(world.cloud.transport())
        plain = await world.connect(url, extended=False)
        job = await plain.submit(SPEC, b"{}", key="k")
        await plain.wait_job(job.id, timeout=None)

        found = await plain.job(job.id)

        assert "swqr" not in found.extra


class TestItsUrl:
    @pytest.mark.parametrize("ending", ["", "/", "/api/v1"])
    async def test_it_is_enough_on_this_machine(
        self, world: World, monkeypatch: pytest.MonkeyPatch, ending: str
    ) -> None:
        monkeypatch.setenv("QISKIT_IBM_TOKEN", "for somebody else")
        monkeypatch.setenv("QISKIT_IBM_INSTANCE", "of somebody else")
        url = (await world.serve(world.cloud.transport())).removesuffix("/api/v1")

        transport = await connect_transport(url + ending)

        world.stack.push_async_callback(transport.aclose)
        assert [one.name for one in await transport.backends()] == ["ideal_5"]

    async def test_elsewhere_a_key_is_needed(self) -> None:
        with pytest.raises(ConfigurationError, match=r"no key for https://quantum\.example"):
            await connect_transport("https://quantum.example")


class TestGateways:
    @pytest.fixture
    async def gateway(self, world: World) -> IbmTransport:
        """Return a way through a gateway to a platform that knows no keys."""
        ibm = await world.connect(await world.serve(world.cloud.transport()), extended=False)
        return await world.connect(await world.serve(ibm))

    async def test_work_goes_through(self, gateway: IbmTransport) -> None:
        job = await gateway.submit(SPEC, b'{ "x":1.0E+2}', key="k")

        ended = await gateway.wait_job(job.id, timeout=None)

        assert ended.state is JobState.COMPLETED
        assert await gateway.result(job.id) == RESULT
        assert await gateway.params(job.id) == b'{ "x":1.0E+2}'

    async def test_each_way_marks_the_job_and_shows_the_user_s_tags_alone(
        self, world: World, gateway: IbmTransport
    ) -> None:
        job = await gateway.submit(SPEC, b"{}", key="k")

        (there,) = await world.cloud.transport().jobs(JobQuery())

        assert (await gateway.job(job.id)).spec.tags == ("mine",)
        assert there.spec.tags[:2] == ("mine", "swqr-via:k")
        assert there.spec.tags[2].startswith("swqr-key:")

    async def test_the_capabilities_are_those_of_what_is_behind(
        self, gateway: IbmTransport
    ) -> None:
        able = gateway.capabilities

        assert (able.idempotent_submit, able.user_tags, able.custom_ttls) == (False, 6, False)

    async def test_a_job_tells_when_it_ran(self, gateway: IbmTransport) -> None:
        job = await gateway.submit(SPEC, b"{}", key="k")

        ended = await gateway.wait_job(job.id, timeout=None)

        assert ended.running_at is not None
        assert ended == await gateway.job(job.id)
