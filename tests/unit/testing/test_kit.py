"""How the contract's tests behave: where they are skipped, how they fail, what they need."""

import asyncio
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest

import swqr_core.testing
from swqr_core.errors import UnsupportedOperation
from swqr_core.model.backend import Backend
from swqr_core.model.capabilities import Capabilities
from swqr_core.model.ids import BackendName
from swqr_core.model.job import Job
from swqr_core.ports.transport import RuntimeTransport
from swqr_core.testing import Control, Harness, Seat
from swqr_core.testing.contract import TransportContract, World, claim
from swqr_core.wrappers import TransportBase


class Nothing:
    """A transport that is there, and no more."""

    capabilities = Capabilities(transport="nothing", tags=False)
    closed = False

    async def aclose(self) -> None:
        self.closed = True


class EmptyHarness(Harness):
    """A platform of nothing, which notes what is asked of it."""

    controls: ClassVar[frozenset[Control]] = frozenset({Control.TENANTS})

    def __init__(self) -> None:
        super().__init__()
        self.story: list[str] = []
        self.made: list[Nothing] = []

    async def start(self) -> None:
        self.story.append("start")

    async def stop(self) -> None:
        assert all(transport.closed for transport in self.made)
        self.story.append("stop")

    async def connect(self, seat: Seat = Seat.OWNER) -> RuntimeTransport:
        self.story.append(f"connect {seat}")
        self.made.append(Nothing())
        return cast("RuntimeTransport", self.made[-1])


def test_a_claim_runs_between_start_and_stop_with_all_transports_closed_at_the_end() -> None:
    harness = EmptyHarness()

    class Claims:
        @claim(Control.TENANTS, "logs")
        async def test_it(self, world: World) -> None:
            await world.connect(Seat.STRANGER)
            harness.story.append("claim")

    Claims().test_it(harness)

    assert harness.story == ["start", "connect owner", "connect stranger", "claim", "stop"]


def test_a_claim_is_an_ordinary_function_of_a_harness() -> None:
    class Claims:
        @claim()
        async def test_it(self, world: World) -> None:
            """It does."""

    assert not asyncio.iscoroutinefunction(Claims.test_it)
    assert (Claims.test_it.__name__, Claims.test_it.__doc__) == ("test_it", "It does.")
    assert not hasattr(Claims.test_it, "__wrapped__")


@pytest.mark.parametrize(
    ("need", "reason"),
    [
        (Control.TIME, "the harness has no control over: time"),
        ("tags", "the transport lacks the capability: tags"),
    ],
)
def test_what_is_missing_is_the_reason_for_skipping(need: Control | str, reason: str) -> None:
    class Claims:
        @claim(need)
        async def test_it(self, world: World) -> None:
            raise AssertionError("it ran")

    with pytest.raises(pytest.skip.Exception) as caught:
        Claims().test_it(EmptyHarness())

    assert caught.value.msg == reason


def test_a_claim_that_needs_an_unknown_capability_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="no such capability: telepathy"):
        claim("telepathy")


def test_a_claim_that_fails_still_cleans_up() -> None:
    harness = EmptyHarness()

    class Claims:
        @claim()
        async def test_it(self, world: World) -> None:
            raise AssertionError("no")

    with pytest.raises(AssertionError, match="no"):
        Claims().test_it(harness)

    assert harness.story[-1] == "stop"


@pytest.mark.usefixtures("threads_of_its_own")
def test_a_claim_that_waits_for_ever_fails_and_cleans_up() -> None:
    harness = EmptyHarness()
    harness.patience = 0.01

    class Claims:
        @claim()
        async def test_it(self, world: World) -> None:
            await asyncio.get_running_loop().create_future()

    with pytest.raises(pytest.fail.Exception, match=r"waits for ever: the test did not end"):
        Claims().test_it(harness)

    assert harness.story[-1] == "stop"


class Talkative(EmptyHarness):
    """A platform that answers some things."""

    async def connect(self, seat: Seat = Seat.OWNER) -> RuntimeTransport:
        return Answering()


class Answering(TransportBase):
    capabilities = Capabilities(transport="answering")

    async def backend(self, name: str) -> Backend:
        return Backend(name=BackendName(name), num_qubits=5)

    async def wait_job(self, job_id: str, *, timeout: float | None) -> Job:
        never: asyncio.Future[Job] = asyncio.get_running_loop().create_future()
        return await never


def test_a_claim_that_fails_tells_what_was_asked_last() -> None:
    class Claims:
        @claim()
        async def test_it(self, world: World) -> None:
            await world.transport.backend("a")
            with suppress(UnsupportedOperation):
                await world.submit(key="k", params=b"{}", private=True)
            raise AssertionError("no")

    with pytest.raises(AssertionError) as caught:
        Claims().test_it(Talkative())

    (note,) = caught.value.__notes__
    assert note.splitlines() == [
        "asked of transports, the last call last:",
        "  backend(name='a') -> Backend(name='a', num_qubits=5)",
        (
            "  submit(spec=JobSpec(program_id='sampler', backend='ideal_5', private=True), "
            "params=b'{}', key='k') raised UnsupportedOperation: "
            "\"transport 'answering' does not support submit\""
        ),
    ]


def test_a_claim_that_waits_for_ever_tells_where_it_waits_and_what_was_asked_last() -> None:
    class Claims:
        @claim()
        async def test_it(self, world: World) -> None:
            await world.transport.wait_job("j", timeout=None)

    with pytest.raises(pytest.fail.Exception) as caught:
        Claims().test_it(Talkative())

    line = Answering.wait_job.__code__.co_firstlineno + 2
    assert str(caught.value).splitlines()[1:] == [
        f"  in wait_job, {__file__}:{line}",
        "asked of transports, the last call last:",
        "  wait_job(job_id='j', timeout=None) was given up",
    ]


def test_a_timeout_inside_a_claim_is_its_own() -> None:
    class Claims:
        @claim()
        async def test_it(self, world: World) -> None:
            raise TimeoutError("mine")

    with pytest.raises(TimeoutError, match="mine"):
        Claims().test_it(EmptyHarness())


def test_a_harness_says_what_must_be_overridden() -> None:
    class Mine(Harness):
        pass

    with pytest.raises(NotImplementedError, match="Mine: override `connect`"):
        asyncio.run(Mine().connect())


def test_keys_of_two_runs_differ() -> None:
    harnesses = EmptyHarness(), EmptyHarness()

    keys = {harness.key() for harness in harnesses for _ in range(10)}

    assert len(keys) == 20
    assert max(map(len, keys)) <= 64


def test_the_default_parameters_are_json_that_an_encoder_would_write_otherwise() -> None:
    import json

    params = EmptyHarness().params(3)

    value = json.loads(params)
    assert value["n"] == 3
    assert json.dumps(value).encode() != params
    assert json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode() != params


def test_every_claim_of_the_contract_is_a_test_and_no_two_share_a_name() -> None:
    groups = [group for group in TransportContract.__mro__ if group.__name__.endswith("Claims")]
    names: list[str] = []
    for group in groups:
        members: dict[str, Any] = dict(vars(group))
        names += [name for name, member in members.items() if callable(member)]

    assert len(names) == len(set(names))
    assert [name for name in names if not name.startswith("test_")] == []


def test_the_kit_s_names_are_all_there() -> None:
    names = swqr_core.testing.__all__

    assert names == sorted(names)
    assert all(hasattr(swqr_core.testing, name) for name in names)
    assert set(names) <= set(dir(swqr_core.testing))


def test_stubs_and_harnesses_need_no_pytest() -> None:
    program = (
        "import sys\n"
        "from swqr_core.testing import Control, Harness, Seat, SequentialIds, StubExecutor\n"
        "from swqr_core.testing import VirtualClock\n"
        "print({'pytest', 'hypothesis'} & set(sys.modules))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "set()"


THIRD_PARTY = """
import pytest
from swqr_core.errors import ProgramNotFoundError
from swqr_core.model.capabilities import Capabilities
from swqr_core.model.program import Program, ProgramSpec
from swqr_core.model.query import Page
from swqr_core.testing import Harness
from swqr_core.testing.contract import ProgramClaims

SAMPLER = Program(id="sampler", spec=ProgramSpec(name="sampler"))


class Mine:
    capabilities = Capabilities(transport="mine")

    async def programs(self, query):
        return Page(items=(SAMPLER, SAMPLER)[query.offset :], total=2)

    async def program(self, program_id):
        if program_id != "sampler":
            raise ProgramNotFoundError(program_id)
        return SAMPLER

    async def aclose(self):
        pass


class MyHarness(Harness):
    async def connect(self, seat="owner"):
        return Mine()


class TestMine(ProgramClaims):
    @pytest.fixture
    def harness(self):
        return MyHarness()
"""


def test_a_third_party_needs_no_plugin_and_sees_the_values_that_broke_a_promise(
    tmp_path: Path,
) -> None:
    file = tmp_path / "test_mine.py"
    file.write_text(THIRD_PARTY, encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:asyncio", "-p", "no:cacheprovider", file],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "1 failed, 2 passed" in done.stdout
    assert "assert ['sampler', 'sampler'] == ['sampler']" in done.stdout


@pytest.mark.parametrize("program", ["engine_check", "simulation"])
def test_a_program_does_not_run_where_nothing_could_fail(program: str) -> None:
    command = [sys.executable, "-O", "-m", f"swqr_core.testing.{program}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 1
    assert "run it without -O" in done.stderr
