"""Worlds in which work is submitted over a bad network, and what is true at their ends."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Final

from attrs import define, field, fields, frozen
from reliability._network import Network
from reliability._time import FastClock, ImpatientEngine, hurried
from reliability._weather import BY_THE_NETWORK, BY_THE_SENDER, Act, Weather

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
from swqr_core.model.query import MAX_PAGE, JobQuery
from swqr_core.ports.transport import RuntimeTransport
from swqr_core.testing import StubExecutor

__all__ = ["KEY", "OFFICIAL", "RUNS", "Ending", "Run", "Tally", "World", "open_world", "submit_all"]

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
        insist: Whether a caller whom the client tells that the outcome is unknown submits again
            with the same key.
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
class Ending:
    """What the caller was told about one submission.

    Attributes:
        job_id: The job, if there is an answer.
        unknown: Whether the last word was that the outcome is unknown.
        error: The name of the last error, if there is no answer.
        again: How often the caller submitted again.
    """

    job_id: str | None
    unknown: bool = False
    error: str | None = None
    again: int = 0


@define
class Tally:
    """What came of submissions, against what the server has.

    Attributes:
        submissions: How many there were.
        acknowledged: Those that were answered with a job.
        doubled: Those for which the server has more than one job.
        lost: Those that were answered with a job that the server does not have, or has for another
            one; and those of which the caller was told that they certainly were not done, though
            they were.
        unknown: Those of which the caller was told that the outcome is unknown.
        unknown_done: Those among them that the server has.
        refused: Those of which the caller was told that they were not done.
        again: How often callers submitted again.
        faults: What met the requests, by kind.
        errors: What callers were told, by the name of the error.
    """

    submissions: int = 0
    acknowledged: int = 0
    doubled: int = 0
    lost: int = 0
    unknown: int = 0
    unknown_done: int = 0
    refused: int = 0
    again: int = 0
    faults: Counter[str] = field(factory=Counter)
    errors: Counter[str] = field(factory=Counter)

    def add(
        self,
        endings: Mapping[str, Ending],
        there: Mapping[str, list[str]],
        faults: Mapping[str, int],
    ) -> None:
        """Count a world.

        Args:
            endings: What callers were told, by the mark of each submission.
            there: The ids of the jobs that the server has, by the same mark.
            faults: What met the requests.
        """
        self.submissions += len(endings)
        self.faults.update(faults)
        for mark, ending in endings.items():
            jobs = there.get(mark, [])
            self.again += ending.again
            self.doubled += len(jobs) > 1
            if ending.error:
                self.errors[ending.error] += 1
            if ending.job_id is not None:
                self.acknowledged += 1
                self.lost += ending.job_id not in jobs
            elif ending.unknown:
                self.unknown += 1
                self.unknown_done += bool(jobs)
            else:
                self.refused += 1
                self.lost += bool(jobs)

    def merge(self, other: "Tally") -> None:
        """Count what was counted elsewhere."""
        for name in ("faults", "errors"):
            getattr(self, name).update(getattr(other, name))
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))


_COUNTS: Final = tuple(one.name for one in fields(Tally) if one.type is int)


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

    async def jobs(self) -> dict[str, list[str]]:
        """Return the ids of the jobs that the server has, by the mark of their submission."""
        transport = self.cloud.transport()
        found: dict[str, list[str]] = {}
        offset, total = 0, 1
        while offset < total:
            page = await transport.jobs(JobQuery(limit=MAX_PAGE, offset=offset))
            offset, total = offset + len(page), page.total
            for job in page.items:
                mark = next(tag for tag in job.spec.tags if tag.startswith("n-"))
                found.setdefault(mark, []).append(job.id)
        return found


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


async def submit_all(run: Run, world: World, marks: list[str]) -> dict[str, Ending]:
    """Submit one job for each mark with our client, many side by side."""
    transport = await _connected(run, world)
    runtime = AsyncRuntime(transport, clock=world.clock)
    world.network.weather = world.weather
    side_by_side = asyncio.Semaphore(_SIDE_BY_SIDE)

    async def submit(mark: str) -> Ending:
        spec = JobSpec(program_id=ProgramId("sampler"), backend=BackendName(_BACKEND), tags=(mark,))
        params = f'{{"pubs": [], "mark": "{mark}"}}'.encode()

        async def once() -> str:
            job = await runtime.submit(spec, params, key=f"key-{mark}")
            return job.id

        async with side_by_side:
            return await _told(once, insist=run.insist)

    try:
        endings = await asyncio.gather(*map(submit, marks))
        await world.network.calm()
    finally:
        await runtime.aclose()
    return dict(zip(marks, endings, strict=True))


async def _told(submit: Callable[[], Awaitable[str]], *, insist: bool) -> Ending:
    """Submit, again and again if the caller insists, and return what was told in the end."""
    unknown, again = False, 0
    while True:
        try:
            return Ending(await submit(), again=again)
        except OutcomeUnknownError as error:
            unknown, last = True, type(error).__name__
        except UnreachableError as error:
            last = type(error).__name__
        if not insist or again >= _PATIENCE:
            return Ending(None, unknown, last, again)
        again += 1
