"""The blocking runtime, called from threads, keeps every promise of the transport beneath it."""

import pytest
from hypothesis import settings

from swqr_adapters.harnesses import RuntimeHarness
from swqr_core.lifecycle.session import SessionState
from swqr_core.model.ids import BackendName
from swqr_core.model.session import SessionSpec
from swqr_core.testing import Harness, TransportContract, lifecycle_test
from swqr_core.wrappers import Call, Fault, ScriptedFaults


class TestTheBlockingRuntime(TransportContract):
    @pytest.fixture
    def harness(self) -> Harness:
        return RuntimeHarness()


def test_used_from_threads_sessions_and_jobs_live_as_the_model_says() -> None:
    many = max(6, settings().max_examples // 16)

    lifecycle_test(RuntimeHarness, settings=settings(max_examples=many, stateful_step_count=25))


class Heard(ScriptedFaults):
    """Notes what is sent, and lets it pass."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def fault(self, call: Call) -> Fault | None:
        self.calls.append(call.method)
        return super().fault(call)


async def test_closing_it_is_like_a_crash_the_platform_hears_nothing_more() -> None:
    harness = RuntimeHarness()
    await harness.start()
    harness.faults = heard = Heard()
    transport = await harness.connect()
    session = await transport.open_session(
        SessionSpec(backend=BackendName(harness.backend)), key="k"
    )
    spec = harness.spec(session_id=session.id)
    job = await transport.submit(spec, b"{}", key="j")
    await harness.started(job.id)
    before = list(heard.calls)

    await transport.aclose()

    other = harness.cloud.transport(transport.principal)
    assert heard.calls == before
    assert (await other.session(session.id)).state is SessionState.BUSY
    await harness.stop()
