import logging
import queue
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import qiskit_ibm_runtime as official
from attrs import evolve
from qiskit.providers.exceptions import QiskitBackendNotFoundError
from qiskit_ibm_runtime import SamplerV2
from qiskit_ibm_runtime.exceptions import (
    IBMInputValueError,
    IBMRuntimeError,
    RuntimeInvalidStateError,
)

from swqr_adapters.facade import Batch, QiskitRuntimeService, Session
from swqr_core.lifecycle.job import JobState
from swqr_core.lifecycle.session import SessionState
from swqr_core.runtime.blocking import Runtime

pytestmark = pytest.mark.filterwarnings("ignore:The SamplerV2 class:DeprecationWarning")


@pytest.fixture
def log() -> Iterator["queue.Queue[str]"]:
    """What the module logs, from whatever thread."""
    messages: queue.Queue[str] = queue.Queue()

    class Told(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            messages.put(record.getMessage())

    logger = logging.getLogger("swqr_adapters.facade.job")
    handler = Told()
    logger.addHandler(handler)
    yield messages
    logger.removeHandler(handler)


def opened(transport: Any) -> Any:
    return transport.opened["session-0"]


class TestOpening:
    @pytest.mark.parametrize(
        "arguments",
        [
            lambda service, backend: ((backend, 90), {}),
            lambda service, backend: ((backend, "1m 30s"), {}),
            lambda service, backend: ((backend,), {"max_time": 90}),
            lambda service, backend: ((), {"backend": backend, "max_time": "90s"}),
            lambda service, backend: ((service, backend, 90), {}),
            lambda service, backend: ((service, "ibm_manila", "1m 30s"), {}),
            lambda service, backend: ((service, "ibm_manila"), {"max_time": 90}),
            lambda service, backend: (
                (),
                {"service": service, "backend": "ibm_manila", "max_time": 90},
            ),
        ],
    )
    def test_both_forms_open_the_same_session(
        self, service: Any, backend: Any, transport: Any, arguments: Any
    ) -> None:
        positional, named = arguments(service, backend)

        session = Session(*positional, **named)

        assert session.session_id == "session-0"
        assert session.service is service
        assert session.backend() == "ibm_manila"
        found = opened(transport)
        assert (found.backend, found.max_ttl, found.mode) == ("ibm_manila", 90, "dedicated")

    def test_without_a_time_the_plans_counts(self, backend: Any, transport: Any) -> None:
        Session(backend)

        assert opened(transport).max_ttl is None

    def test_a_batch_opens_a_batch(self, backend: Any, transport: Any) -> None:
        batch = Batch(backend, max_time="5m")

        assert isinstance(batch, Session)
        assert isinstance(batch, official.Batch)
        assert (opened(transport).mode, opened(transport).max_ttl) == ("batch", 300)

    @pytest.mark.parametrize("kind", [official.Session, official.Batch])
    def test_the_official_classes_get_an_id_too(self, backend: Any, kind: Any) -> None:
        assert kind(backend).session_id == "session-0"

    @pytest.mark.parametrize("max_time", ["soon", "", 0, -5, 1.5j, float("nan"), [], True])
    @pytest.mark.parametrize("kind", [Session, Batch])
    def test_what_is_no_time_is_refused_and_nothing_is_opened(
        self, backend: Any, transport: Any, max_time: Any, kind: Any
    ) -> None:
        with pytest.raises(IBMInputValueError, match="max_time"):
            kind(backend, max_time=max_time)

        assert transport.calls["open_session"] == 0

    def test_an_unknown_backend_is_named(self, service: Any) -> None:
        with pytest.raises(QiskitBackendNotFoundError, match="'ibm_nowhere'"):
            Session(service, "ibm_nowhere")

    @pytest.mark.parametrize(
        "make", [lambda: Session(backend="ibm_manila"), lambda: Session("ibm_manila", 90)]
    )
    def test_a_name_without_a_service_is_one_of_the_default_service(
        self, service: Any, monkeypatch: pytest.MonkeyPatch, make: Any
    ) -> None:
        from swqr_adapters.facade import service as module

        monkeypatch.setattr(module, "QiskitRuntimeService", lambda: service)

        assert make().service is service

    def test_no_backend_is_refused(self, service: Any) -> None:
        with pytest.raises(IBMInputValueError, match="none was given"):
            Session(service)

    def test_what_is_no_backend_is_refused(self) -> None:
        with pytest.raises(ValueError, match="Invalid backend type"):
            Session(42)

    def test_what_is_no_service_is_refused(self, backend: Any) -> None:
        with pytest.raises(IBMInputValueError, match="must be a QiskitRuntimeService"):
            Session("service", backend, 60)

    def test_a_backend_of_another_cloud_is_refused(self, backend: Any, transport: Any) -> None:
        async def make() -> Any:
            return type(transport)()

        with Runtime(make) as runtime:
            other = QiskitRuntimeService(runtime=runtime)

            with pytest.raises(IBMInputValueError, match="of another service"):
                Session(other, backend)

    def test_a_backend_of_another_service_of_the_same_cloud_is_taken(
        self, backend: Any, runtime: Runtime
    ) -> None:
        other = QiskitRuntimeService(runtime=runtime)

        assert Session(other, backend).session_id == "session-0"

    @pytest.mark.parametrize("kind", [Session, Batch])
    def test_a_backend_that_calls_itself_a_simulator_opens_no_session_and_says_so(
        self, service: Any, transport: Any, kind: Any
    ) -> None:
        transport.configurations["ideal_4"] = lambda document: document.update(simulator=True)

        with pytest.raises(IBMRuntimeError, match="'ideal_4' opens no session"):
            kind(service.backend("ideal_4"))

    def test_a_session_that_is_none_of_ours_is_refused_by_primitives(self) -> None:
        class Duck:
            def run(self) -> None: ...

        with pytest.raises(ValueError, match="mode must be of type"):
            SamplerV2(mode=Duck())


class TestLife:
    @pytest.mark.parametrize(
        ("state", "accepting", "status"),
        [
            (SessionState.OPEN, True, "Pending"),
            (SessionState.INACTIVE, True, "Pending"),
            (SessionState.BUSY, True, "In progress, accepting new jobs"),
            (SessionState.IDLE, True, "In progress, accepting new jobs"),
            (SessionState.DRAINING, False, "In progress, not accepting new jobs"),
            (SessionState.CLOSED, False, "Closed"),
        ],
    )
    def test_every_state_has_the_official_status(
        self, backend: Any, transport: Any, state: SessionState, accepting: bool, status: str
    ) -> None:
        session = Session(backend)
        transport.set_session("session-0", state=state, accepting_jobs=accepting)

        assert session.status() == status

    def test_details_have_the_official_names(self, backend: Any, transport: Any) -> None:
        session = Session(backend, 600)
        transport.set_session("session-0", interactive_ttl=60, active_ttl=590, usage_seconds=1.5)

        details = session.details()

        assert details is not None
        assert (
            details.items()
            >= {
                "id": "session-0",
                "backend_name": "ibm_manila",
                "interactive_timeout": 60,
                "max_time": 600,
                "active_timeout": 590,
                "state": "open",
                "accepting_jobs": True,
                "mode": "dedicated",
                "usage_time": 1.5,
            }.items()
        )
        assert session.usage() == 1.5

    def test_leaving_the_block_closes_whatever_happened(self, backend: Any, transport: Any) -> None:
        with pytest.raises(ZeroDivisionError), Session(backend):
            1 / 0  # noqa: B018

        assert transport.calls["drain_session"] == 1
        assert transport.calls["cancel_session"] == 0

    def test_closing_a_closed_session_is_no_error(self, backend: Any) -> None:
        session = Session(backend)
        session.close()

        session.close()

        assert session.status() == "Closed"

    def test_cancel_closes_at_once(self, backend: Any, transport: Any) -> None:
        Session(backend).cancel()

        assert transport.calls["cancel_session"] == 1

    def test_a_closed_session_runs_nothing(self, backend: Any, transport: Any) -> None:
        session = Session(backend)
        session.close()

        with pytest.raises(IBMRuntimeError, match=r"session is closed.*'session-0'.*open a new"):
            session.run("other", {})

        assert transport.calls["submit"] == 0

    def test_a_session_that_was_closed_elsewhere_is_a_conflict(
        self, backend: Any, service: Any
    ) -> None:
        session = Session(backend)
        Session.from_id("session-0", service).close()

        with pytest.raises(RuntimeInvalidStateError, match="'session-0' is closed"):
            session.run("other", {})


class TestFromId:
    @pytest.mark.parametrize("kind", [Session, Batch, official.Session, official.Batch])
    def test_it_is_found_again(self, backend: Any, service: Any, kind: Any, transport: Any) -> None:
        kind(backend)

        found = kind.from_id("session-0", service)

        assert found.session_id == "session-0"
        assert found.backend() == "ibm_manila"
        assert transport.calls["open_session"] == 1

    @pytest.mark.parametrize("kind", [Session, official.Session])
    def test_an_unknown_id_is_refused(self, service: Any, kind: Any) -> None:
        with pytest.raises(IBMInputValueError, match="nobody"):
            kind.from_id("nobody", service)

    def test_what_is_no_service_is_refused(self) -> None:
        with pytest.raises(IBMInputValueError, match="must be a QiskitRuntimeService, not 'mine'"):
            Session.from_id("session-0", "mine")

    @pytest.mark.parametrize(("kind", "other"), [(Session, Batch), (Batch, Session)])
    def test_the_other_mode_is_refused(
        self, backend: Any, service: Any, kind: Any, other: Any
    ) -> None:
        kind(backend)

        with pytest.raises(IBMInputValueError, match="has the mode"):
            other.from_id("session-0", service)

    def test_a_closed_one_is_closed(self, backend: Any, service: Any) -> None:
        Session(backend).close()

        found = Session.from_id("session-0", service)

        with pytest.raises(IBMRuntimeError, match=r"session is closed.*'session-0'.*open a new"):
            found.run("other", {})

    def test_a_subclass_is_found_as_what_it_extends(self, backend: Any, service: Any) -> None:
        class Mine(Session):
            pass

        Mine(backend)

        assert isinstance(Mine.from_id("session-0", service), Mine)

    def test_an_unknown_backend_is_an_error(
        self, backend: Any, service: Any, transport: Any
    ) -> None:
        Session(backend)
        transport.set_session("session-0", backend=None)

        with pytest.raises(IBMRuntimeError, match="not known yet"):
            Session.from_id("session-0", service)


class TestRun:
    def test_a_program_runs_in_the_session(self, backend: Any, transport: Any) -> None:
        options = {"job_tags": ["x"]}

        job = Session(backend).run("other", {"a": 1}, options)

        assert (job.session_id, job.tags, job.result()) == ("session-0", ["x"], "done")
        assert options == {"job_tags": ["x"]}

    def test_the_callback_is_called_once_with_the_id_and_the_result(self, backend: Any) -> None:
        seen: list[tuple[str, Any]] = []
        called = threading.Event()

        def callback(job_id: str, result: Any) -> None:
            seen.append((job_id, result))
            called.set()

        job = Session(backend).run("other", {}, callback=callback)

        assert called.wait(30)
        assert seen == [(job.job_id(), "done")]

    def test_the_callback_gets_interim_results_first(self, backend: Any, transport: Any) -> None:
        transport.capabilities = evolve(transport.capabilities, interim_results=True)
        transport.published = [b"1", b"2", b"3"]
        told: queue.Queue[tuple[str, Any]] = queue.Queue()

        Session(backend).run("other", {}, callback=lambda *what: told.put(what))

        assert [told.get(timeout=30) for _ in range(4)] == [
            ("job0", 1),
            ("job0", 2),
            ("job0", 3),
            ("job0", "done"),
        ]

    @pytest.mark.parametrize("state", [JobState.COMPLETED, JobState.FAILED])
    def test_what_goes_wrong_about_a_callback_is_logged(
        self, backend: Any, transport: Any, log: "queue.Queue[str]", state: JobState
    ) -> None:
        transport.script = [{"state": state}]

        def callback(job_id: str, result: Any) -> None:
            raise ValueError("boom")

        Session(backend).run("other", {}, callback=callback)

        assert "job0" in log.get(timeout=30)

    def test_a_decoder_may_be_given(self, backend: Any) -> None:
        class Raw:
            @classmethod
            def decode(cls, data: str) -> str:
                return f"<{data}>"

        assert Session(backend).run("other", {}, result_decoder=Raw).result() == '<"done">'

    def test_the_inputs_are_left_as_they_were(self, backend: Any) -> None:
        inputs = {"a": [1, 2]}

        Session(backend).run("other", inputs)

        assert inputs == {"a": [1, 2]}


class TestTimeline:
    def test_a_notebook_shows_a_sessions_life_with_its_jobs(
        self, service: QiskitRuntimeService
    ) -> None:
        with Session(service.backend("ibm_manila")) as session:
            job = session.run("sampler", {"pubs": [], "version": 2})

        timeline = session.timeline()

        assert timeline._repr_svg_().startswith("<svg ")
        assert job.job_id() in timeline.svg
        assert [one.id for one in timeline.jobs] == [job.job_id()]

    def test_a_session_without_a_platforms_session_says_so(
        self, service: QiskitRuntimeService
    ) -> None:
        session = Session(service.backend("ibm_manila"), create_new=False)

        with pytest.raises(IBMRuntimeError, match="no session to draw"):
            session.timeline()
