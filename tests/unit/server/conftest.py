"""A server on a loopback port, over an in-memory cloud whose time and jobs do as they are told."""

import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from attrs import field, frozen
from yarl import URL

from swqr_adapters.fleet import Fleet
from swqr_adapters.server import Account, KeyRing, Server, ServerSettings
from swqr_adapters.server.controls import Control
from swqr_adapters.server.service import Service
from swqr_adapters.storage import MemoryEventLog, SpillingBlobStore
from swqr_adapters.transports.memory import MemoryCloud
from swqr_core.clock import VirtualClock
from swqr_core.engine.settings import EngineSettings, Pace, Plan
from swqr_core.model.ids import InstanceId
from swqr_core.model.principal import Instance, Principal
from swqr_core.ports.transport import RuntimeTransport
from swqr_core.testing import SequentialIds, StubExecutor

NEWEST = "2026-04-15"
PARAMS = rb'{ "pubs":[],"version" : 2, "greeting":"\u00e9\/", "x":1.0E+2}'


def crn(name: str, region: str = "us-east") -> str:
    return f"crn:v1:bluemix:public:quantum-computing:{region}:a/acc:{name}::"


ONE = Instance(id=InstanceId(crn("one")), name="one", plan="internal", tags=("red",))
TWO = Instance(id=InstanceId(crn("two")), name="two", plan="open", pricing_type="free")
OTHER = Instance(id=InstanceId(crn("other")), name="other", plan="premium", pricing_type="paid")
ADA, BOB = "key-of-ada", "key-of-bob"


@frozen
class Reply:
    """An answer, read to its end."""

    status: int
    headers: Any
    body: bytes = field(repr=False)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> Any:
        return self.json["errors"][0]


class Instances:
    """Who is there."""

    ONE, TWO, OTHER = ONE, TWO, OTHER
    ADA, BOB = ADA, BOB


class World:
    """Everything that a test may touch."""

    instances = Instances

    def __init__(self, folder: Path, settings: ServerSettings) -> None:
        self.clock = VirtualClock()
        self.executor = StubExecutor(manual=True)
        plans = {TWO.id: Plan(name="open", dedicated=False, pending_jobs=2, usage_seconds=600.0)}
        self.cloud = MemoryCloud(
            clock=self.clock,
            ids=SequentialIds(),
            executor=self.executor,
            runner=self.executor,
            blobs=SpillingBlobStore(),
            log=MemoryEventLog(),
            fleet=Fleet(folder=folder, ideal_sizes=(5, 7)),
            settings=EngineSettings(pace=Pace.REAL, plans=plans),
            instances=(ONE, TWO, OTHER),
        )
        self.ring = KeyRing(
            self._bind,
            capabilities=self.cloud.transport().capabilities,
            keys={
                ADA: Account(user="ada", instances=(ONE, TWO)),
                BOB: Account(user="bob", instances=(OTHER,)),
            },
            close=self.cloud.aclose,
        )
        self.service = Service(
            self.ring, settings, ids=SequentialIds(), control=Control(clock=self.clock)
        )
        self.server = Server(self.service, port=0)
        self.session: aiohttp.ClientSession

    async def _bind(self, principal: Principal) -> RuntimeTransport:
        return self.cloud.transport(principal)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        key: str | None = ADA,
        crn: str | None = ONE.id,
        version: str | None = NEWEST,
        base: str = "/api/v1",
        headers: dict[str, str] | None = None,
        **rest: Any,
    ) -> Reply:
        """Send a request as it stands, and read the answer."""
        sent = dict(headers or {})
        if key is not None:
            sent.setdefault("Authorization", f"apikey {key}")
        if crn is not None:
            sent.setdefault("Service-CRN", crn)
        if version is not None:
            sent.setdefault("IBM-API-Version", version)
        url = URL(self.server.url + base + path, encoded=True)
        async with self.session.request(method, url, headers=sent, **rest) as answer:
            return Reply(answer.status, answer.headers, await answer.read())

    async def submit(self, params: bytes = PARAMS, **fields: Any) -> str:
        """Queue a job and return its id."""
        options: dict[str, Any] = {
            name: fields.pop(name) for name in ("key", "crn", "headers") if name in fields
        }
        reply = await self.post_job(params, options, **fields)
        assert reply.status == 200, reply.body
        return str(reply.json["id"])

    async def post_job(
        self, params: bytes = PARAMS, options: dict[str, Any] | None = None, **fields: Any
    ) -> Reply:
        head = json.dumps({"program_id": "sampler", "backend": "ideal_5", **fields})
        body = f'{head[:-1]}, "params": '.encode() + params + b"}"
        options = {**(options or {})}
        headers = {"Content-Type": "application/json", **options.pop("headers", {})}
        return await self.ask("POST", "/jobs", data=io.BytesIO(body), headers=headers, **options)

    async def run(self, **fields: Any) -> str:
        """Run a job to its end and return its id."""
        result = fields.pop("result", b'{"answer": 42}')
        job_id = await self.submit(**fields)
        await self.executor.started(job_id)
        self.executor.finish(job_id, result=result, quantum_seconds=2.5, logs="line \u00e9\n")
        await self.clock.advance(2.5)
        return job_id

    async def open(self, **fields: Any) -> str:
        """Open a session and return its id."""
        body = {"mode": "dedicated", "backend": "ideal_5", **fields}
        reply = await self.ask("POST", "/sessions", json=body)
        assert reply.status == 200, reply.body
        return str(reply.json["id"])


@pytest.fixture
def settings() -> ServerSettings:
    return ServerSettings()


@pytest.fixture
async def world(tmp_path: Path, settings: ServerSettings) -> AsyncIterator[World]:
    made = World(tmp_path, settings)
    await made.server.start()
    async with aiohttp.ClientSession() as made.session:
        yield made
    await made.server.aclose()
