import inspect
from typing import Any

import pytest
import qiskit_ibm_runtime as official
from qiskit.providers.exceptions import QiskitBackendNotFoundError
from qiskit_ibm_runtime.exceptions import IBMInputValueError, IBMRuntimeError

from swqr_adapters.facade.strangeworks import (
    StrangeworksQiskitRuntimeService,
    StrangeworksRuntimeJob,
    StrangeworksSession,
)
from swqr_core.runtime.blocking import Runtime


class TestOpening:
    @pytest.mark.parametrize(
        "make",
        [
            lambda service: StrangeworksSession(service, "ibm_manila", 90),
            lambda service: StrangeworksSession(service, service.backend(), "1m 30s"),
            lambda service: StrangeworksSession(service, max_time=90),
            lambda service: StrangeworksSession(backend=service.backend(), max_time=90),
            lambda service: StrangeworksSession(service.backend(), 90),
            lambda service: StrangeworksSession(service.backend(), max_time=90),
        ],
    )
    def test_a_session_really_opens_and_carries_its_id(
        self, service: Any, transport: Any, make: Any
    ) -> None:
        session = make(service)

        assert session.session_id == "session-0"
        assert (session.service, session.backend()) == (service, "ibm_manila")
        opened = transport.opened["session-0"]
        assert (opened.backend, opened.max_ttl, opened.mode) == ("ibm_manila", 90, "dedicated")

    @pytest.mark.parametrize(
        ("make", "seconds"),
        [
            (lambda service: StrangeworksSession(service, "ibm_manila"), 1440),
            (lambda service: StrangeworksSession(service.backend()), 1440),
            (lambda service: StrangeworksSession(service, "ibm_manila", None), None),
        ],
    )
    def test_without_a_time_it_is_the_documented_one(
        self, service: Any, transport: Any, make: Any, seconds: int | None
    ) -> None:
        make(service)

        assert transport.opened["session-0"].max_ttl == seconds

    def test_nothing_is_printed_or_warned_of(
        self,
        service: Any,
        capfd: pytest.CaptureFixture[str],
        recwarn: pytest.WarningsRecorder,
    ) -> None:
        StrangeworksSession(service, "ibm_manila")

        assert capfd.readouterr() == ("", "")
        assert not recwarn.list

    @pytest.mark.parametrize("max_time", ["soon", 0, -5, []])
    def test_what_is_no_time_is_refused(self, service: Any, transport: Any, max_time: Any) -> None:
        with pytest.raises(IBMInputValueError, match="max_time"):
            StrangeworksSession(service, "ibm_manila", max_time)

        assert not transport.opened

    def test_an_unknown_backend_is_named(self, service: Any) -> None:
        with pytest.raises(QiskitBackendNotFoundError, match="'nowhere'"):
            StrangeworksSession(service, "nowhere")

    @pytest.mark.parametrize("kind", [official.Session, official.Batch])
    def test_the_official_classes_open_real_ones_with_this_service(
        self, service: Any, kind: Any, transport: Any
    ) -> None:
        with kind(service.backend()) as session:
            job = session._run("other", {})  # noqa: SLF001 - what primitives call

            assert job.session_id == session.session_id == "session-0"
            assert session.details()["state"] == "open"

        assert session.status() == "Closed"


class TestRun:
    def test_run_gives_the_documented_job_which_is_the_official_one_too(self, service: Any) -> None:
        with StrangeworksSession(service, "ibm_manila") as session:
            job = session.run("other", {"a": 1}, {"job_tags": ["x"]})

        assert type(job) is StrangeworksRuntimeJob
        assert isinstance(job, official.RuntimeJobV2)
        assert (job.session_id, job.tags, job.result()) == ("session-0", ["x"], "done")

    def test_a_program_run_by_the_block_alone_uses_its_backend_again(self, service: Any) -> None:
        first = service.backend("ibm_manila")
        with StrangeworksSession(service, "ibm_manila") as session:
            session.run("other", {})

            assert session.run("other", {}).result() == "done"
            assert first.properties(refresh=True).backend_name == "ibm_manila"


class TestLife:
    def test_leaving_the_block_closes_it(self, service: Any, transport: Any) -> None:
        with StrangeworksSession(service, "ibm_manila") as session:
            assert session.status() == "Pending"

        assert session.status() == "Closed"
        assert transport.calls["drain_session"] == 1
        with pytest.raises(IBMRuntimeError, match="session is closed"):
            session.run("other", {})

    def test_details_status_usage_and_cancel_are_the_platforms(
        self, service: Any, transport: Any
    ) -> None:
        session = StrangeworksSession(service, "ibm_manila")
        transport.set_session("session-0", usage_seconds=1.5)

        details = session.details()

        assert details is not None
        assert (details["id"], details["max_time"], session.usage()) == ("session-0", 1440, 1.5)
        session.cancel()
        assert transport.calls["cancel_session"] == 1
        assert session.status() == "Closed"

    def test_a_session_found_again_runs_jobs_in_it_and_closes_it(
        self, service: Any, transport: Any
    ) -> None:
        StrangeworksSession(service, "ibm_manila")

        found = StrangeworksSession.from_id("session-0", service)

        assert type(found) is StrangeworksSession
        assert found.run("other", {}).session_id == "session-0"
        assert found.details()["id"] == "session-0"
        found.close()
        assert transport.opened["session-0"].accepting_jobs is False
        assert transport.calls["open_session"] == 1

    def test_an_official_session_found_again_does_so_too(self, service: Any) -> None:
        StrangeworksSession(service, "ibm_manila")

        found = official.Session.from_id("session-0", service)

        assert found._run("other", {}).session_id == "session-0"  # noqa: SLF001
        found.close()
        assert found.status() == "Closed"

    def test_an_unknown_id_is_refused(self, service: Any) -> None:
        with pytest.raises(IBMInputValueError, match="'nobody'"):
            StrangeworksSession.from_id("nobody", service)


def test_without_a_service_it_is_the_default_one(
    service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from swqr_adapters.facade.strangeworks import sw_session

    monkeypatch.setattr(sw_session, "StrangeworksQiskitRuntimeService", lambda: service)

    assert StrangeworksSession(backend="ibm_manila").service is service
    assert StrangeworksSession().backend() == "ibm_manila"


def test_it_is_an_official_session(runtime: Runtime) -> None:
    service = StrangeworksQiskitRuntimeService(runtime=runtime)

    assert isinstance(StrangeworksSession(service), official.Session)
    assert inspect.ismethod(StrangeworksSession.from_id)
