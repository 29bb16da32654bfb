"""What the platform tells, and what its refusals mean."""

from typing import Any

import pytest
from tests.unit.remote.conftest import EagerClock

from swqr_adapters.transports.ibm import IbmTransport
from swqr_core.errors import (
    AccessDeniedError,
    BackendNotFoundError,
    ClosedError,
    InstanceNotFoundError,
    InvalidInputError,
    JobEndedError,
    JobNotEndedError,
    JobNotFoundError,
    LimitExceededError,
    OutcomeUnknownError,
    PayloadTooLargeError,
    ProgramNotFoundError,
    ProtocolError,
    SessionClosedError,
    SessionNotFoundError,
    UnreachableError,
    UnsupportedOperation,
)
from swqr_core.lifecycle.job import JobState
from swqr_core.lifecycle.session import SessionState
from swqr_core.model.ids import BackendName, ProgramId, SessionId
from swqr_core.model.job import JobSpec
from swqr_core.model.query import JobQuery, ProgramQuery, SessionQuery
from swqr_core.model.session import SessionMode, SessionSpec

from .conftest import Ibm, refusal


class TestJobs:
    async def test_a_job_that_ran_tells_when(self, transport: IbmTransport, ibm: Ibm) -> None:
        job = ibm.add_job("j", "Completed")
        ibm.metrics["j"] = {
            "timestamps": {
                "created": job["created"],
                "running": "2026-01-01T00:00:05Z",
                "finished": "2026-01-01T00:00:09.5Z",
            }
        }

        found = await transport.job("j")

        assert found.running_at is not None
        assert found.ended_at is not None
        assert (found.ended_at - found.running_at).total_seconds() == 4.5

    async def test_the_times_of_an_ended_job_are_asked_for_once(
        self, transport: IbmTransport, ibm: Ibm
    ) -> None:
        job = ibm.add_job("j", "Completed")
        ibm.metrics["j"] = {
            "timestamps": {"created": job["created"], "finished": "2026-01-01T00:00:09Z"}
        }

        await transport.job("j")
        await transport.job("j")

        assert ibm.count("GET", "/metrics") == 1

    async def test_a_job_is_told_even_if_its_metrics_are_not(
        self, transport: IbmTransport, ibm: Ibm
    ) -> None:
        ibm.add_job("j", "Completed")
        ibm.fail("GET", "/metrics", refusal(404, 1, "no metrics"))

        assert (await transport.job("j")).state is JobState.COMPLETED

    async def test_a_job_that_ran_too_long_has_timed_out(
        self, transport: IbmTransport, ibm: Ibm
    ) -> None:
        state = {"status": "Cancelled", "reason": "too long", "reason_code": 1305}
        ibm.add_job("j", state=state)

        job = await transport.job("j")

        assert (job.state, job.reason_code) == (JobState.TIMED_OUT, 1305)

    async def test_a_result_is_the_text_that_came(self, transport: IbmTransport, ibm: Ibm) -> None:
        ibm.add_job("j", "Completed")
        ibm.results["j"] = '{ "x":1.0E+2, "é" :"\\u00e9"}\n'.encode()

        assert await transport.result("j") == ibm.results["j"]

    async def test_no_content_is_no_result(self, transport: IbmTransport, ibm: Ibm) -> None:
        ibm.add_job("j")

        assert await transport.result("j") is None

    async def test_a_private_result_whose_only_answer_was_lost_is_told_as_such(
        self, transport: IbmTransport, ibm: Ibm
    ) -> None:
        ibm.add_job("j", "Completed", private=True)
        ibm.results["j"] = b"[1]"
        ibm.fail("GET", "/jobs/j/results", "drop after")

        with pytest.raises(OutcomeUnknownError) as caught:
            await transport.result("j")

        assert caught.value.key == "j"

    async def test_a_log_is_text(self, transport: IbmTransport, ibm: Ibm) -> None:
        ibm.add_job("j", "Completed")

        assert await transport.logs("j") == "a log: é"

    async def test_states_that_the_platform_cannot_tell_apart_are_chosen_here(
        self, transport: IbmTransport, ibm: Ibm
    ) -> None:
        for number in range(450):
            ibm.add_job(f"j{number:03}", ("Completed", "Failed", "Queued")[number % 3])

        failed: Any = {JobState.FAILED}
        page = await transport.jobs(
            JobQuery(states=failed, newest_first=False, limit=20, offset=140)
        )

        assert (page.total, len(page), page.offset, page.limit) == (150, 10, 140, 20)
        assert {job.state for job in page} == {JobState.FAILED}
        assert all("pending=false" in path for _, path, *_ in ibm.seen if "/jobs?" in path)

    async def test_states_that_it_can_are_left_to_it(
        self, transport: IbmTransport, ibm: Ibm
    ) -> None:
        ibm.add_job("a", "Queued")
        ibm.add_job("b", "Completed")
        pending: Any = {JobState.QUEUED, JobState.RUNNING}

        page = await transport.jobs(JobQuery(states=pending))

        assert [job.id for job in page] == ["a"]
        assert ibm.count("GET", "/jobs") == 1

    async def test_cancelling_twice_says_how_the_job_ended(
        self, transport: IbmTransport, ibm: Ibm
    ) -> None:
        ibm.add_job("j")
        await transport.cancel_job("j")

        with pytest.raises(JobEndedError) as caught:
            await transport.cancel_job("j")

        assert (caught.value.job_id, caught.value.state) == ("j", "cancelled")

    async def test_a_cancellation_whose_answer_was_lost_has_succeeded(
        self, transport: IbmTransport, ibm: Ibm
    ) -> None:
        ibm.add_job("j")
        ibm.fail("POST", "/jobs/j/cancel", "drop after")

        await transport.cancel_job("j")

        assert ibm.jobs["j"]["status"] == "Cancelled"

    async def test_a_job_that_has_not_ended_is_not_deleted(
        self, transport: IbmTransport, ibm: Ibm
    ) -> None:
        ibm.add_job("j", "Running")

        with pytest.raises(JobNotEndedError) as caught:
            await transport.delete_job("j")

        assert caught.value.state == "running"

    async def test_a_deletion_whose_answer_was_lost_has_succeeded(
        self, transport: IbmTransport, ibm: Ibm
    ) -> None:
        ibm.add_job("j", "Completed")
        ibm.fail("DELETE", "/jobs/j", "drop after")

        await transport.delete_job("j")

        assert ibm.jobs == {}

    @pytest.mark.parametrize("job_id", ["", ".", ".."])
    async def test_an_id_that_would_name_something_else_is_not_found(
        self, transport: IbmTransport, ibm: Ibm, job_id: str
    ) -> None:
        asked = len(ibm.seen)

        with pytest.raises(JobNotFoundError):
            await transport.job(job_id)

        assert len(ibm.seen) == asked

    async def test_an_id_stays_one_part_of_the_path(
        self, transport: IbmTransport, ibm: Ibm
    ) -> None:
        with pytest.raises(JobNotFoundError):
            await transport.result("a/../b?c#d")

        assert ibm.seen[-1][1] == "/api/v1/jobs/a%2F..%2Fb%3Fc%23d/results"


class TestSessions:
    @pytest.mark.parametrize(
        ("document", "state"),
        [
            ({"state": "open"}, SessionState.OPEN),
            ({"state": "active"}, SessionState.BUSY),
            (
                {
                    "state": "active",
                    "last_job_started": "2026-01-01T00:00:00Z",
                    "last_job_completed": "2026-01-01T00:00:09Z",
                },
                SessionState.IDLE,
            ),
            (
                {
                    "state": "active",
                    "last_job_started": "2026-01-01T00:01:00Z",
                    "last_job_completed": "2026-01-01T00:00:09Z",
                },
                SessionState.BUSY,
            ),
            ({"state": "active", "accepting_jobs": False}, SessionState.DRAINING),
            ({"state": "inactive"}, SessionState.INACTIVE),
            ({"state": "closed", "accepting_jobs": False}, SessionState.CLOSED),
            ({"state": "canceled"}, SessionState.CLOSED),
        ],
    )
    async def test_ibm_s_words_become_the_six_states(
        self, transport: IbmTransport, ibm: Ibm, document: dict[str, Any], state: SessionState
    ) -> None:
        ibm.add_session("s", **document)

        assert (await transport.session("s")).state is state

    async def test_a_word_that_nobody_knows_is_an_error_that_shows_it(
        self, transport: IbmTransport, ibm: Ibm
    ) -> None:
        ibm.add_session("s", state="sleeping")

        with pytest.raises(ProtocolError, match="sleeping"):
            await transport.session("s")

    async def test_the_older_interface_tells_the_id_alone(
        self, transport: IbmTransport, ibm: Ibm
    ) -> None:
        ibm.fail("POST", "/sessions", refusal(200, 0, ""))
        answer = refusal(200, 0, "")
        answer.text = '{"id": "s-9", "messages": []}'
        ibm.faults[-1].act = answer

        session = await transport.open_session(
            SessionSpec(backend=BackendName("ibm_fez"), mode=SessionMode.BATCH), key="k"
        )

        assert (session.id, session.mode, session.backend) == ("s-9", SessionMode.BATCH, "ibm_fez")
        assert session.state is SessionState.OPEN

    async def test_draining_is_a_patch_and_cancelling_a_delete(
        self, transport: IbmTransport, ibm: Ibm
    ) -> None:
        ibm.add_session("s")

        await transport.drain_session("s")
        await transport.cancel_session("s")

        assert [(m, p) for m, p, *_ in ibm.seen[-2:]] == [
            ("PATCH", "/api/v1/sessions/s"),
            ("DELETE", "/api/v1/sessions/s/close"),
        ]

    async def test_sessions_and_batches_are_listed_together_in_order(
        self, transport: IbmTransport, ibm: Ibm, clock: EagerClock
    ) -> None:
        for number in range(120):
            mode = ("dedicated", "batch")[number % 2]
            ibm.add_session(f"s{number:03}", mode=mode)
            clock.skip(1)

        page = await transport.sessions(SessionQuery(limit=5, offset=100))

        assert [session.id for session in page] == ["s019", "s018", "s017", "s016", "s015"]
        assert page.total == 120

    async def test_sessions_are_chosen_by_states_that_the_list_does_not_know(
        self, transport: IbmTransport, ibm: Ibm
    ) -> None:
        ibm.add_session("a", state="open")
        ibm.add_session("b", state="inactive")
        ibm.add_session("c", state="closed", accepting_jobs=False)

        inactive: Any = {SessionState.INACTIVE}
        page = await transport.sessions(SessionQuery(states=inactive))

        assert ([session.id for session in page], page.total) == (["b"], 1)


class TestBackends:
    async def test_backends_come_with_all_that_is_told_of_them(
        self, transport: IbmTransport
    ) -> None:
        (backend,) = await transport.backends()

        assert (backend.name, backend.num_qubits, backend.queue_length) == ("ibm_fez", 156, 3)
        assert backend.extra["clops"] == {"type": "hardware", "value": 195000}

    async def test_documents_pass_through_as_they_are(self, transport: IbmTransport) -> None:
        text = await transport.backend_configuration("ibm_fez")

        assert text == b'{"backend_name" : "ibm_fez", "n_qubits":156}'

    async def test_null_means_there_is_none(self, transport: IbmTransport) -> None:
        assert await transport.backend_properties("ibm_fez") is None
        assert await transport.backend_defaults("ibm_fez") is None

    async def test_an_unknown_one_is_not_found_and_near_ones_are_told(
        self, transport: IbmTransport
    ) -> None:
        with pytest.raises(BackendNotFoundError) as caught:
            await transport.backend_configuration("ibm_fezz")

        assert caught.value.known == ("ibm_fez",)

    async def test_an_unknown_calibration_is_invalid_input(self, transport: IbmTransport) -> None:
        with pytest.raises(InvalidInputError, match="calibration"):
            await transport.backend_configuration("ibm_fez", calibration_id="c")


class TestRefusals:
    @pytest.mark.parametrize(
        ("status", "code", "message", "error"),
        [
            (400, 1217, "session is closed", SessionClosedError),
            (400, 4001, "job for a closed session", SessionClosedError),
            (400, 3458, "at most 3 pending jobs", LimitExceededError),
            (409, None, "usage exceeds the instance limit", LimitExceededError),
            (400, 1204, "too many tags", InvalidInputError),
            (400, 5302, "body too large", PayloadTooLargeError),
            (413, None, "too large", PayloadTooLargeError),
            (404, 1007, "unknown", BackendNotFoundError),
            (404, None, "device not found", BackendNotFoundError),
            (404, None, "program not found", ProgramNotFoundError),
            (404, None, "session not found", SessionNotFoundError),
            (404, 1279, "instance not found", InstanceNotFoundError),
            (403, 1200, "not authorised", AccessDeniedError),
            (400, 1352, "plan may not", AccessDeniedError),
        ],
    )
    async def test_a_refused_submission_is_the_error_that_it_is(
        self,
        transport: IbmTransport,
        ibm: Ibm,
        *,
        status: int,
        code: int | None,
        message: str,
        error: type[Exception],
    ) -> None:
        spec = JobSpec(
            program_id=ProgramId("sampler"),
            backend=BackendName("ibm_fez"),
            session_id=SessionId("s-1"),
        )
        ibm.fail("POST", "/jobs", refusal(status, code, message))

        with pytest.raises(error) as caught:
            await transport.submit(spec, b"{}", key="k")

        assert type(caught.value) is error
        assert ibm.count("POST", "/jobs") == 1

    async def test_the_limit_of_pending_jobs_is_read_from_the_words(
        self, transport: IbmTransport, ibm: Ibm, spec: JobSpec
    ) -> None:
        ibm.fail("POST", "/jobs", refusal(400, 3458, "Maximum number of pending jobs is 3."))

        with pytest.raises(LimitExceededError) as caught:
            await transport.submit(spec, b"{}", key="k")

        assert (caught.value.allowed, caught.value.code) == (3, 3458)

    async def test_codes_as_text_are_codes(self, transport: IbmTransport, ibm: Ibm) -> None:
        ibm.fail("GET", "/jobs/j", refusal(404, "1279", "no such instance"))

        with pytest.raises(InstanceNotFoundError):
            await transport.job("j")

    @pytest.mark.parametrize("body", [b"", b"<html>Bad gateway</html>", b"[]", b'{"errors": [7]}'])
    async def test_an_error_body_of_any_kind_becomes_an_error(
        self, transport: IbmTransport, ibm: Ibm, body: bytes
    ) -> None:
        answer = refusal(400, 0, "")
        answer.body = body
        ibm.fail("GET", "/instances/usage", answer)

        with pytest.raises(InvalidInputError, match="400"):
            await transport.usage()

    async def test_a_query_that_fails_for_good_was_unreachable(
        self, transport: IbmTransport, ibm: Ibm
    ) -> None:
        ibm.fail("GET", "/instances/usage", refusal(503, 1999, "planned outage"), times=5)

        with pytest.raises(UnreachableError, match="planned outage"):
            await transport.usage()

    async def test_a_command_that_fails_for_good_may_have_happened(
        self, transport: IbmTransport, ibm: Ibm
    ) -> None:
        ibm.fail("PATCH", "/sessions/s", refusal(500, 1000, "oops"), times=5)

        with pytest.raises(OutcomeUnknownError) as caught:
            await transport.drain_session("s")

        assert (caught.value.action, caught.value.key) == ("drain_session", "s")

    async def test_an_answer_that_is_no_document_is_an_error_that_shows_its_beginning(
        self, transport: IbmTransport, ibm: Ibm
    ) -> None:
        answer = refusal(200, 0, "")
        answer.text = "<html>welcome</html>"
        ibm.fail("GET", "/jobs/j", answer)

        with pytest.raises(ProtocolError) as caught:
            await transport.job("j")

        assert "welcome" in caught.value.after

    async def test_what_is_not_there_says_so(self, transport: IbmTransport) -> None:
        with pytest.raises(UnsupportedOperation):
            await transport.programs(ProgramQuery())
        with pytest.raises(UnsupportedOperation):
            await transport.program("sampler")

    async def test_a_closed_transport_says_so(self, transport: IbmTransport) -> None:
        await transport.aclose()

        with pytest.raises(ClosedError):
            await transport.usage()
