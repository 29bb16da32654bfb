"""Over the Strangeworks platform's interface, with our server behind it, every promise is kept too.

What the platform cannot do is skipped by its capability's name, and by nothing else.
"""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from attrs import evolve
from hypothesis import settings

from swqr_adapters.harnesses import (
    GatewayHarness,
    IbmHarness,
    PlainStrangeworksHarness,
    StrangeworksHarness,
)
from swqr_adapters.ids import RandomIds
from swqr_adapters.server import Server
from swqr_core.model.capabilities import Capabilities
from swqr_core.model.job import Job, JobSpec
from swqr_core.model.principal import Principal
from swqr_core.model.program import Program, ProgramSpec
from swqr_core.model.session import Session, SessionSpec
from swqr_core.ports.transport import RuntimeTransport
from swqr_core.testing import Harness, Seat, TransportContract, lifecycle_test
from swqr_core.testing.contract import InterimClaims
from swqr_core.testing.simulation import Settings, simulate
from swqr_core.wrappers import TransportWrapper


class TestStrangeworks(TransportContract):
    @pytest.fixture
    def harness(self) -> Harness:
        return StrangeworksHarness()


class TestStrangeworksAsItIs(TransportContract):
    """The server is taken for the platform itself."""

    @pytest.fixture
    def harness(self) -> Harness:
        return PlainStrangeworksHarness()


class OverIbm(GatewayHarness, StrangeworksHarness):
    """The platform's server over the transport ``ibm``, and behind that IBM's interface."""

    async def _onward(self, principal: Principal) -> RuntimeTransport:
        seat = next(seat for seat, one in self.seats.items() if one.instance == principal.instance)
        return await IbmHarness._client(self, self.far_server, seat)  # noqa: SLF001 - not its own


class TestTheGatewayToIbm(TransportContract):
    @pytest.fixture
    def harness(self) -> Harness:
        return OverIbm()


class OverStrangeworks(GatewayHarness):
    """IBM's server over the transport ``strangeworks``; behind that is the platform's interface."""

    platform: type[IbmHarness] = StrangeworksHarness

    async def _onward(self, principal: Principal) -> RuntimeTransport:
        seat = next(seat for seat, one in self.seats.items() if one.instance == principal.instance)
        return await self.platform._client(self, self.far_server, seat)  # noqa: SLF001 - not its own


class TestTheGatewayToStrangeworks(TransportContract):
    @pytest.fixture
    def harness(self) -> Harness:
        return OverStrangeworks()


class StrangeworksBehindStrangeworks(GatewayHarness, StrangeworksHarness):
    """The platform's interface twice, one behind the other."""


@pytest.mark.slow
class TestTheGatewayFromStrangeworksToStrangeworks(TransportContract):
    @pytest.fixture
    def harness(self) -> Harness:
        return StrangeworksBehindStrangeworks()


class WithoutKeys(TransportWrapper):
    """A platform that takes whatever comes for new work."""

    async def submit(self, spec: JobSpec, params: bytes, *, key: str) -> Job:
        return await self.inner.submit(spec, params, key=RandomIds().key())

    async def open_session(self, spec: SessionSpec, *, key: str) -> Session:
        return await self.inner.open_session(spec, key=RandomIds().key())


class OverAPlatformWithoutKeys(StrangeworksHarness):
    """A gateway's server: it is one of ours, and what is behind it knows no keys."""

    def _serve(
        self,
        capabilities: Capabilities,
        bind: Callable[[Principal], Awaitable[RuntimeTransport]],
    ) -> Server:
        async def without_keys(principal: Principal) -> RuntimeTransport:
            return WithoutKeys(await bind(principal))

        able = evolve(capabilities, idempotent_submit=False, idempotent_open=False)
        return super()._serve(able, without_keys)


class TestTheGatewayToAPlatformWithoutKeys(TransportContract):
    @pytest.fixture
    def harness(self) -> Harness:
        return OverAPlatformWithoutKeys()


class WithPrograms(TransportWrapper):
    """The platform's interface, for people who upload their programs somewhere else."""

    def __init__(self, inner: RuntimeTransport, elsewhere: RuntimeTransport) -> None:
        super().__init__(inner)
        self._elsewhere = elsewhere

    @property
    def capabilities(self) -> Capabilities:
        return evolve(self.inner.capabilities, program_uploads=True)

    async def add_program(self, spec: ProgramSpec, source: bytes, *, key: str) -> Program:
        return await self._elsewhere.add_program(spec, source, key=key)


class WithProgramsHarness(StrangeworksHarness):
    async def connect(self, seat: Seat = Seat.OWNER) -> RuntimeTransport:
        return WithPrograms(await super().connect(seat), self.cloud.transport(self.seats[seat]))


class TestWhatProgramsPublish(InterimClaims):
    @pytest.fixture
    def harness(self) -> Harness:
        return WithProgramsHarness()


@pytest.mark.parametrize(
    "harness", [StrangeworksHarness, PlainStrangeworksHarness, OverStrangeworks]
)
def test_over_the_platform_s_interface_sessions_and_jobs_live_as_the_model_says(
    harness: type[Harness],
) -> None:
    some = settings(max_examples=max(6, settings().max_examples // 16), stateful_step_count=25)

    lifecycle_test(harness, settings=some)


@pytest.mark.slow
@pytest.mark.parametrize("harness", [PlainStrangeworksHarness, OverStrangeworks])
def test_in_a_longer_world_everything_is_as_it_should_be(harness: type[Harness]) -> None:
    outcome = asyncio.run(simulate(harness, Settings(seed=9, hours=0.5, clients=4, loss=0.2)))

    assert outcome.sessions > 0


def test_in_a_world_of_many_clients_everything_is_as_it_should_be() -> None:
    world = Settings(seed=2, hours=0.25, clients=4, loss=0.2)

    outcome = asyncio.run(simulate(StrangeworksHarness, world))

    assert outcome.lost > 0
    assert outcome.jobs
