"""One program gives the same counts for the same seed, whatever the transport."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from swqr_adapters.server import Account, KeyRing, Server, ServerSettings
from swqr_adapters.server.service import Service
from swqr_adapters.transports import ibm, strangeworks
from swqr_adapters.transports.memory import MemoryCloud
from swqr_adapters.transports.memory.settings import CloudSettings, make_cloud
from swqr_core.model.ids import BackendName, InstanceId, ProgramId
from swqr_core.model.job import JobSpec
from swqr_core.model.principal import Instance, Principal
from swqr_core.model.session import SessionSpec
from swqr_core.ports.transport import RuntimeTransport

CRN = "crn:v1:bluemix:public:quantum-computing:us-east:a/acct:one::"
INSTANCE = Instance(id=InstanceId(CRN), name="one")
BACKEND = BackendName("ideal_3")
KEY = "a-key"
GHZ = """
OPENQASM 3.0;
include "stdgates.inc";
bit[3] c;
h $0;
cx $0, $1;
cx $1, $2;
ry(0.7) $2;
c[0] = measure $0;
c[1] = measure $1;
c[2] = measure $2;
"""


def cloud() -> MemoryCloud:
    wanted = {"seed": "7", "ideal": "3", "workers": "1", "instance": CRN}
    return make_cloud(CloudSettings.parse(wanted))


@asynccontextmanager
async def over_memory() -> AsyncIterator[RuntimeTransport]:
    made = cloud()
    try:
        yield made.transport()
    finally:
        await made.aclose()


@asynccontextmanager
async def served() -> AsyncIterator[Server]:
    made = cloud()

    async def bind(principal: Principal) -> RuntimeTransport:
        return made.transport(principal)

    ring = KeyRing(
        bind,
        capabilities=made.transport().capabilities,
        keys={KEY: Account(user="ada", instances=(INSTANCE,))},
        close=made.aclose,
    )
    server = Server(Service(ring, ServerSettings()), port=0)
    await server.start()
    try:
        yield server
    finally:
        await server.aclose()


@asynccontextmanager
async def over_ibm() -> AsyncIterator[RuntimeTransport]:
    async with served() as server:
        settings = {"instance": CRN, "url": f"{server.url}/api/v1", "token_env": "KEY"}
        transport = await ibm.make_transport(
            ibm.IbmSettings.parse(settings), environment={"KEY": KEY}
        )
        try:
            yield transport
        finally:
            await transport.aclose()


@asynccontextmanager
async def over_strangeworks() -> AsyncIterator[RuntimeTransport]:
    async with served() as server:
        settings = {"url": server.url, "api_key_env": "KEY"}
        transport = await strangeworks.make_transport(
            strangeworks.StrangeworksSettings.parse(settings), environment={"KEY": KEY}
        )
        try:
            yield transport
        finally:
            await transport.aclose()


async def program(transport: RuntimeTransport) -> list[Any]:
    """Run three jobs in a session, and return what was counted."""
    session = await transport.open_session(SessionSpec(backend=BACKEND), key="session")
    found = []
    for number in range(3):
        job = await transport.submit(
            JobSpec(program_id=ProgramId("sampler"), backend=BACKEND, session_id=session.id),
            json.dumps({"pubs": [[GHZ, None, 100]], "version": 2}).encode(),
            key=f"job-{number}",
        )
        ended = await transport.wait_job(job.id, timeout=120)
        result = await transport.result(job.id)
        assert result is not None, ended.reason
        found.append(json.loads(result)["results"][0]["data"]["c"]["samples"])
    await transport.drain_session(session.id)
    return found


async def test_a_program_counts_the_same_in_memory_and_over_every_wire() -> None:
    counted = []
    for way in (over_memory, over_ibm, over_strangeworks):
        async with way() as transport:
            counted.append(await program(transport))

    in_memory, at_ibm, at_strangeworks = counted
    assert in_memory == at_ibm == at_strangeworks
    assert in_memory[0] != in_memory[1]  # each job draws lots of its own
