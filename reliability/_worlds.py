"""Worlds in which work is submitted over a bad network, and what is true at their ends."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Final, TypeVar

from attrs import frozen
from reliability._network import Network
from reliability._tally import Ending
from reliability._time import FastClock, ImpatientEngine, hurried
from reliability._weather import BY_THE_NETWORK, BY_THE_SENDER, SHORTEST, Act, Kind, Weather

from swqr_adapters.fleet import Fleet
from swqr_adapters.ids import RandomIds
from swqr_adapters.server import Account, KeyRing, Server, ServerSettings
from swqr_adapters.server.service import Service
from swqr_adapters.storage import SpillingBlobStore
from swqr_adapters.transports import ibm, strangeworks
from swqr_adapters.transports.memory import MemoryCloud
from swqr_core import AsyncRuntime
from swqr_core.errors import OutcomeUnknownError, UnreachableError
from swqr_core.model.ids import BackendName, InstanceId, ProgramId
from swqr_core.model.job import JobSpec
from swqr_core.model.principal import Instance, Principal
from swqr_core.model.query import MAX_PAGE, JobQuery, Page, SessionQuery
from swqr_core.model.session import SessionSpec
from swqr_core.ports.transport import RuntimeTransport
from swqr_core.testing import StubExecutor

__all__ = ["KEY", "OFFICIAL", "RUNS", "Run", "World", "ask_for_all", "open_world"]

T = TypeVar("T")

KEY: Final = "the-key"
_CRN: Final = "crn:v1:bluemix:public:quantum-computing:us-east:a/acc:faults::"
_BACKEND: Final = "ideal_5"
_SUBMISSION, _QUERY = 900.0, 60.0  # seconds that clients wait at most for an answer
_OVER: Final = 1.1
_SIDE_BY_SIDE: Final = 32
_PATIENCE: Final = 20


@frozen(kw_only=True)
class Run:
    """One kind of world.

    Attributes:
        name: Its letter.
        about: What it is.
        platform: Whose interface is spoken: ``ibm`` or ``strangeworks``.
        keys: Whether the client sees a server that honours idempotency keys.
        honoured: Whether the server really sees them.
        acts: What may go wrong.
        insist: Whether a caller whom the client tells that the outcome is unknown asks again with
            the same key.
    """

    name: str
    about: str
    platform: str = "ibm"
    keys: bool
    honoured: bool
    acts: tuple[Act, ...]
    insist: bool


RUNS: Final = (
    Run(
        name="A", about="our server, keys honoured, requests also doubled and reordered",
        keys=True, honoured=True, acts=BY_THE_NETWORK, insist=True,
    ),
    Run(
        name="B", about="a server that ignores keys, as IBM does",
        keys=False, honoured=False, acts=BY_THE_SENDER, insist=False,
    ),
    Run(
        name="B, resubmitting", about="the same, and the caller chose to submit again",
        keys=False, honoured=False, acts=BY_THE_SENDER, insist=True,
    ),
    Run(
        name="C", about="the Strangeworks platform, which knows no keys", platform="strangeworks",
        keys=False, honoured=False, acts=BY_THE_SENDER, insist=False,
    ),
    Run(
        name="C, resubmitting", about="the same, and the caller chose to submit again",
        platform="strangeworks",
        keys=False, honoured=False, acts=BY_THE_SENDER, insist=True,
    ),
    Run(
        name="C, our server", about="the platform as our server is it, keys honoured",
        platform="strangeworks",
        keys=True, honoured=True, acts=BY_THE_NETWORK, insist=True,
    ),
)  # fmt: skip

OFFICIAL: Final = Run(
    name="official client", about="qiskit-ibm-runtime in the worlds of run B",
    keys=False, honoured=False, acts=BY_THE_SENDER, insist=False,
)  # fmt: skip


@frozen
class World:
    """A server that runs nothing, and the network before it.

    Attributes:
        cloud: What the server serves.
        network: The way to it.
        url: The server, as it seems from beyond the network.
        crn: The instance.
        weather: What goes wrong once the network is given it.
        clock: The time of everybody.
        speed: How much faster it is than a clock on the wall.
    """

    cloud: MemoryCloud
    network: Network
    url: str
    weather: Weather
    clock: FastClock
    speed: float
    crn: str = _CRN

    async def there(self) -> dict[str, list[str]]:
        """Return the ids of all jobs and sessions of the server, by the marks of their requests."""
        transport = self.cloud.transport()
        found: dict[str, list[str]] = {}
        async for job in _all(lambda at: transport.jobs(JobQuery(limit=MAX_PAGE, offset=at))):
            mark = next(tag for tag in job.spec.tags if tag.startswith(Kind.JOB))
            found.setdefault(mark, []).append(job.id)
        async for one in _all(
            lambda at: transport.sessions(SessionQuery(limit=MAX_PAGE, offset=at))
        ):
            mark = f"{Kind.SESSION}-{(one.max_ttl or 0) - SHORTEST}"
            found.setdefault(mark, []).append(one.id)
        return found


async def _all(page_at: Callable[[int], Awaitable[Page[T]]]) -> AsyncIterator[T]:
    offset, total = 0, 1
    while offset < total:
        page = await page_at(offset)
        offset, total = offset + len(page), page.total
        for one in page.items:
            yield one


@asynccontextmanager
async def open_world(run: Run, seed: int, *, speed: float = 100.0) -> AsyncIterator[World]:
    """Serve a cloud behind a network in which nothing goes wrong yet.

    Args:
        run: What kind of world it is.
        seed: The seed of its weather.
        speed: How much faster its time passes than on a clock on the wall.
    """
    clock = FastClock(speed)
    instance = Instance(id=InstanceId(_CRN), name="faults")
    async with AsyncExitStack() as stack:
        cloud = MemoryCloud(
            clock=clock,
            ids=RandomIds(),
            executor=StubExecutor(),
            blobs=SpillingBlobStore(),
            fleet=Fleet(ideal_sizes=(5,)),
            instances=(instance,),
        )
        stack.push_async_callback(cloud.aclose)

        async def bind(principal: Principal) -> RuntimeTransport:
            return cloud.transport(principal)

        ring = KeyRing(
            bind,
            capabilities=cloud.transport().capabilities,
            keys={KEY: Account(user="ada", instances=(instance,))},
        )
        # The official client renews its tokens by the clock on the wall.
        lasting = int(3600 * speed) if run is OFFICIAL else 3600
        settings = ServerSettings(token_seconds=lasting)
        server = Server(Service(ring, settings, clock=clock), port=0)
        address = await server.start()
        stack.push_async_callback(server.aclose)
        network = Network(
            address,
            None,
            late=(hurried(_SUBMISSION, speed) * _OVER, hurried(_QUERY, speed) * _OVER),
            hidden=frozenset() if run.honoured else frozenset({b"idempotency-key"}),
        )
        stack.push_async_callback(network.aclose)
        url = await network.start()
        weather = Weather(seed, run.acts)
        yield World(
            cloud=cloud, network=network, url=url, weather=weather, clock=clock, speed=speed
        )


async def _ibm(run: Run, world: World) -> RuntimeTransport:
    settings = {"instance": world.crn, "url": f"{world.url}/api/v1", "token_env": "KEY"}
    return await ibm.make_transport(
        ibm.IbmSettings.parse(settings),
        environment={"KEY": KEY},
        clock=world.clock,
        engine=ImpatientEngine(world.speed, _SIDE_BY_SIDE),
        extended=run.keys,  # without it, a server of ours is treated as IBM's
    )


async def _strangeworks(run: Run, world: World) -> RuntimeTransport:
    settings = {"url": world.url, "api_key_env": "KEY", "channel": "ibm_cloud"}
    return await strangeworks.make_transport(
        strangeworks.StrangeworksSettings.parse(settings),
        environment={"KEY": KEY},
        clock=world.clock,
        engine=ImpatientEngine(world.speed, _SIDE_BY_SIDE),
        extended=run.keys,
    )


_TRANSPORTS: Final = {"ibm": _ibm, "strangeworks": _strangeworks}


async def _connected(run: Run, world: World) -> RuntimeTransport:
    """Connect before the weather begins; a busy machine may need several attempts."""
    for _ in range(_PATIENCE):
        with suppress(UnreachableError):
            return await _TRANSPORTS[run.platform](run, world)
    return await _TRANSPORTS[run.platform](run, world)


async def ask_for_all(run: Run, world: World, marks: Iterable[str]) -> Mapping[str, Ending]:
    """Submit a job or open a session for each mark with our client, many side by side."""
    transport = await _connected(run, world)
    runtime = AsyncRuntime(transport, clock=world.clock)
    world.network.weather = world.weather
    side_by_side = asyncio.Semaphore(_SIDE_BY_SIDE)

    async def submit(mark: str) -> str:
        spec = JobSpec(program_id=ProgramId("sampler"), backend=BackendName(_BACKEND), tags=(mark,))
        params = f'{{"pubs": [], "mark": "{mark}"}}'.encode()
        job = await runtime.submit(spec, params, key=f"key-{mark}")
        return job.id

    async def open_one(mark: str) -> str:
        spec = SessionSpec(
            backend=BackendName(_BACKEND), max_ttl=SHORTEST + int(mark.partition("-")[2])
        )
        session = await runtime.open_session(spec=spec, key=f"key-{mark}")
        return session.id

    async def ask(mark: str) -> tuple[str, Ending]:
        once = submit if mark.startswith(Kind.JOB) else open_one
        async with side_by_side:
            return mark, await _told(lambda: once(mark), insist=run.insist)

    try:
        endings = await asyncio.gather(*map(ask, marks))
        await world.network.calm()
    finally:
        await runtime.aclose()
    return dict(endings)


async def _told(ask: Callable[[], Awaitable[str]], *, insist: bool) -> Ending:
    """Ask, again and again if the caller insists, and return what was told in the end."""
    unknown, again = False, 0
    while True:
        try:
            return Ending(await ask(), again=again)
        except OutcomeUnknownError as error:
            unknown, last = True, type(error).__name__
        except UnreachableError as error:
            last = type(error).__name__
        if not insist or again >= _PATIENCE:
            return Ending(None, unknown, last, again)
        again += 1
