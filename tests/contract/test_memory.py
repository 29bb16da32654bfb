"""The in-memory cloud keeps every promise of the port."""

from pathlib import Path
from typing import Any, cast

import pytest

from swqr_adapters.clock import SystemClock
from swqr_adapters.fleet import Fleet
from swqr_adapters.ids import RandomIds
from swqr_adapters.storage import SpillingBlobStore
from swqr_adapters.transports.memory import MemoryCloud
from swqr_adapters.transports.memory.harness import MemoryHarness
from swqr_core.engine.settings import EngineSettings, Plan
from swqr_core.errors import PayloadTooLargeError, UnsupportedOperation
from swqr_core.model.capabilities import Capabilities
from swqr_core.model.job import Job, JobSpec
from swqr_core.model.program import ProgramSpec
from swqr_core.model.query import JobQuery, Page
from swqr_core.ports.transport import RuntimeTransport
from swqr_core.testing import Harness, Seat, StubExecutor, TransportContract
from swqr_core.testing.contract.job_queries import JobQueryClaims
from swqr_core.testing.contract.programs import ProgramClaims
from swqr_core.testing.contract.races import RaceClaims


class TestMemory(TransportContract):
    @pytest.fixture
    def harness(self, memory_harness: Harness) -> Harness:
        return memory_harness


class TestMemoryWithASmallPlan(RaceClaims, JobQueryClaims):
    @pytest.fixture
    def harness(self) -> Harness:
        return MemoryHarness(EngineSettings(default_plan=Plan(pending_jobs=3)))


class UsedHarness(MemoryHarness):
    """A cloud that still has the programs of somebody's earlier work."""

    async def start(self) -> None:
        await super().start()
        transport = await self.connect()
        for name in ("Contract", "Zeta", "Zeta two"):
            spec = ProgramSpec(name=name, description="Looks for needles", tags=("green", "red"))
            await transport.add_program(spec, b"pass", key=self.key())
        await transport.aclose()


class TestMemoryThatWasUsedBefore(ProgramClaims):
    @pytest.fixture
    def harness(self) -> Harness:
        return UsedHarness()


class PlainHarness(Harness):
    """The cloud on real time, with jobs that end by themselves: the harness has no power."""

    def __init__(self, no_snapshots: Path) -> None:
        super().__init__()
        self._no_snapshots = no_snapshots

    async def start(self) -> None:
        self.cloud = MemoryCloud(
            clock=SystemClock(),
            ids=RandomIds(),
            executor=StubExecutor(),
            blobs=SpillingBlobStore(limit_bytes=0),
            fleet=Fleet(folder=self._no_snapshots, ideal_sizes=(5,)),
        )

    async def stop(self) -> None:
        await self.cloud.aclose()

    async def connect(self, seat: Seat = Seat.OWNER) -> RuntimeTransport:
        return self.cloud.transport()


class TestMemoryOverAHarnessWithoutPower(TransportContract):
    @pytest.fixture
    def harness(self, tmp_path: Path) -> Harness:
        return PlainHarness(tmp_path)


class Modest:
    """A transport that can do next to nothing, and says so."""

    def __init__(self, inner: RuntimeTransport) -> None:
        self._inner = inner
        self.capabilities = Capabilities(
            transport="modest",
            dedicated_sessions=False,
            batches=False,
            session_listing=False,
            cancel_sessions=False,
            custom_ttls=False,
            idempotent_submit=False,
            idempotent_open=False,
            tags=False,
            remove_tags=False,
            user_tags=0,
            run_times=False,
            queue_lengths=False,
            delete_jobs=False,
            private_jobs=False,
            logs=False,
            metrics=False,
            usage=False,
            calibrations=False,
            time_limits=False,
            programs=False,
            event_wait=False,
            max_params_bytes=1_000,
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def _refuse(self, *_: object, **__: object) -> Any:
        raise UnsupportedOperation("modest", "this")

    open_session = sessions = cancel_session = set_tags = delete_job = _refuse
    logs = metrics = usage = interim_results = programs = program = delete_program = _refuse

    async def backend_configuration(self, name: str, *, calibration_id: str | None = None) -> bytes:
        if calibration_id is not None:
            await self._refuse()
        return await self._inner.backend_configuration(name)

    async def jobs(self, query: JobQuery) -> Page[Job]:
        return await (self._inner.jobs(query) if query.key is None else self._refuse())

    async def submit(self, spec: JobSpec, params: bytes, *, key: str) -> Job:
        if spec.private or spec.max_execution_time or spec.tags or spec.calibration_id:
            await self._refuse()
        if len(params) > self.capabilities.max_params_bytes:
            raise PayloadTooLargeError("params", len(params), self.capabilities.max_params_bytes)
        return await self._inner.submit(spec, params, key=key)


class ModestHarness(PlainHarness):
    async def connect(self, seat: Seat = Seat.OWNER) -> RuntimeTransport:
        return cast("RuntimeTransport", Modest(await super().connect(seat)))


class TestATransportThatCanDoNextToNothing(TransportContract):
    @pytest.fixture
    def harness(self, tmp_path: Path) -> Harness:
        return ModestHarness(tmp_path)
