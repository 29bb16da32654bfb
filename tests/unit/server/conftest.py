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


def graphql_body(query: str, variables: Any) -> dict[str, Any]:
    return {"query": query} if variables is None else {"query": query, "variables": variables}


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
            self.ring,
            settings,
            clock=self.clock,
            ids=SequentialIds(),
            control=Control(clock=self.clock),
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

    # --- the Strangeworks platform -------------------------------------------------------------

    async def login(self, key: str = ADA) -> str:
        """Exchange a key for a token of the platform."""
        reply = await self.platform("POST", "/users/token", token=None, json={"key": key})
        assert reply.status == 200, reply.body
        return str(reply.json["accessToken"])

    async def platform(
        self, method: str, path: str, *, token: str | None = "", key: str = ADA, **rest: Any
    ) -> Reply:
        """Send a request as the platform's clients do; an empty token is one of *key*."""
        if token == "":
            token = await self.login(key)
        headers = {**rest.pop("headers", {})}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return await self.ask(
            method, path, key=None, crn=None, version=None, base="", headers=headers, **rest
        )

    async def graphql(self, query: str, variables: Any = None, **options: Any) -> Any:
        """Ask in GraphQL and return the data."""
        reply = await self.platform("POST", "/sdk", json=graphql_body(query, variables), **options)
        assert reply.status == 200, reply.body
        assert "errors" not in reply.json, reply.json
        return reply.json["data"]

    async def operate(
        self, operation: str, payload: Any, resource: str | None = None, **options: Any
    ) -> Reply:
        """Do something with a resource; it is the first one of the key's workspace if None."""
        path = resource or await self.resource(options.get("key", ADA))
        return await self.platform("POST", f"{path}/{operation}", json=payload, **options)

    async def resource(self, key: str = ADA, at: int = 0) -> str:
        """Return the path of a resource of the key's workspace."""
        query = "{ workspace { resources { edges { node { slug product { slug } } } } } }"
        data = await self.graphql(query, key=key)
        node = data["workspace"]["resources"]["edges"][at]["node"]
        return f"/products/{node['product']['slug']}/resource/{node['slug']}"

    async def platform_job(self, params: bytes = PARAMS, **given: Any) -> Reply:
        """Submit a job as the platform's clients do."""
        options = {k: given.pop(k) for k in ("key", "headers", "resource") if k in given}
        head = {"program_id": "sampler", "backend": "ideal_5", **given}
        inner = f'{json.dumps(head)[:-1]}, "params": '.encode() + params + b"}"
        outer = {"data": inner.decode(), "program_id": "sampler", "channel": "ibm_cloud"}
        path = options.pop("resource", None) or await self.resource(options.get("key", ADA))
        body = json.dumps({**outer, "backend": "ideal_5", "runtime": True}).encode()
        headers = {"Content-Type": "application/json", **options.pop("headers", {})}
        return await self.platform(
            "POST",
            f"{path}/create_runtime_job",
            data=io.BytesIO(body),
            headers=headers,
            **options,
        )

    # --- IBM's interface -----------------------------------------------------------------------

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
