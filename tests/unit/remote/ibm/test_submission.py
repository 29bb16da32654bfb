"""A job is submitted once, whatever happens to requests and answers."""

import asyncio
import json
import traceback
from collections.abc import Awaitable, Callable

import pytest
from tests.unit.remote.conftest import EagerClock, until

from swqr_adapters.transports.ibm import IbmTransport
from swqr_core.errors import (
    InvalidInputError,
    LimitExceededError,
    OutcomeUnknownError,
    PayloadTooLargeError,
    UnreachableError,
    UnsupportedOperation,
)
from swqr_core.lifecycle.job import JobState
from swqr_core.model.ids import BackendName, ProgramId, SessionId
from swqr_core.model.job import JobSpec
from swqr_core.model.query import JobQuery
from swqr_core.model.session import SessionSpec

from .conftest import Ibm, refusal

PARAMS = rb'{ "pubs":[["OPENQASM \u00e9",1.0E+2]] ,"version":2}'


class TestWhatIsSent:
    async def test_parameters_go_out_and_come_back_as_the_bytes_they_are(
        self, transport: IbmTransport, ibm: Ibm, spec: JobSpec
    ) -> None:
        job = await transport.submit(spec, PARAMS, key="k-1")

        assert ibm.params[job.id] == PARAMS
        assert await transport.params(job.id) == PARAMS

    async def test_large_parameters_too(
        self, transport: IbmTransport, ibm: Ibm, spec: JobSpec
    ) -> None:
        params = b'{"data":"' + b"A" * 3_000_000 + b'", "n" : [1, 2]}'

        job = await transport.submit(spec, params, key="k-1")

        assert await transport.params(job.id) == params

    @pytest.mark.parametrize("size", [2_000, 2_000_000])
    async def test_parameters_of_others_over_the_limit_are_told_as_those(
        self, ibm: Ibm, connect: Callable[..., Awaitable[IbmTransport]], size: int
    ) -> None:
        ibm.versions |= {"idempotency": True, "swqr": {"capabilities": {"max_params_bytes": 1_000}}}
        transport = await connect()
        ibm.add_job("big")
        ibm.params["big"] = b'"' + b"A" * size + b'"'

        with pytest.raises(PayloadTooLargeError) as caught:
            await transport.params("big")

        assert (caught.value.field, caught.value.limit) == ("params", 1_000)

    async def test_the_body_has_what_was_asked_for_and_one_tag_more(
        self, transport: IbmTransport, ibm: Ibm
    ) -> None:
        spec = JobSpec(
            program_id=ProgramId("estimator"),
            backend=BackendName("ibm_fez"),
            session_id=SessionId("s-1"),
            tags=("a",),
            max_execution_time=60,
            log_level="debug",
            private=True,
            calibration_id="c-1",
        )

        await transport.submit(spec, b"{}", key="k-1")

        assert json.loads(ibm.posted()[1]) == {
            "program_id": "estimator",
            "backend": "ibm_fez",
            "session_id": "s-1",
            "tags": ["a", "swqr-key:k-1"],
            "cost": 60,
            "log_level": "debug",
            "private": True,
            "calibration_id": "c-1",
            "params": {},
        }

    async def test_the_request_has_the_headers_of_the_interface(
        self, transport: IbmTransport, ibm: Ibm, spec: JobSpec
    ) -> None:
        await transport.submit(spec, PARAMS, key="k-1")

        headers, _ = ibm.posted()
        assert headers["ibm-api-version"] == "2026-04-15"
        assert headers["service-crn"] == transport.principal.instance
        assert headers["content-type"] == "application/json"
        assert "idempotency-key" not in headers

    async def test_a_submitted_job_is_queued_with_what_it_was_submitted_with(
        self, transport: IbmTransport, spec: JobSpec
    ) -> None:
        job = await transport.submit(spec, PARAMS, key="k-1")

        assert (job.state, job.spec, job.instance) == (
            JobState.QUEUED,
            spec,
            transport.principal.instance,
        )

    async def test_what_the_answer_does_not_tell_is_looked_up(
        self, transport: IbmTransport, ibm: Ibm, spec: JobSpec
    ) -> None:
        job = await transport.submit(spec, PARAMS, key="k-1")

        assert (job.time_limit, job.user) == (10800, "IBMid-1")
        assert await transport.job(job.id) == job

    async def test_a_job_that_cannot_be_looked_up_is_submitted_all_the_same(
        self, transport: IbmTransport, ibm: Ibm, spec: JobSpec, clock: EagerClock
    ) -> None:
        ibm.fail("GET", "/jobs/job0", "drop")
        submitted_at = clock.now()

        job = await transport.submit(spec, PARAMS, key="k-1")

        assert (job.id, job.spec, job.created_at) == ("job0", spec, submitted_at)

    async def test_too_large_parameters_are_not_sent(
        self, transport: IbmTransport, ibm: Ibm, spec: JobSpec
    ) -> None:
        limit = transport.capabilities.max_params_bytes

        with pytest.raises(PayloadTooLargeError):
            await transport.submit(spec, bytes(limit + 1), key="k-1")

        assert ibm.count("POST", "/jobs") == 0

    async def test_a_platform_that_knows_no_keys_says_so(self, transport: IbmTransport) -> None:
        able = transport.capabilities

        assert (able.idempotent_submit, able.idempotent_open, able.user_tags) == (False, False, 7)


class TestLostAnswers:
    @pytest.mark.parametrize("accident", ["drop after", "500 after"])
    async def test_a_job_whose_answer_was_lost_is_found_and_not_submitted_again(
        self, transport: IbmTransport, ibm: Ibm, spec: JobSpec, accident: str
    ) -> None:
        ibm.fail("POST", "/jobs", accident)

        job = await transport.submit(spec, PARAMS, key="k-1")

        assert list(ibm.jobs) == [job.id]
        assert job.spec.tags == ("mine",)
        assert ibm.count("POST", "/jobs") == 1

    async def test_an_answer_that_cannot_be_read_is_as_good_as_lost(
        self, transport: IbmTransport, ibm: Ibm, spec: JobSpec
    ) -> None:
        ibm.add_job("there", tags=["swqr-key:k-1"])
        ibm.fail("POST", "/jobs", refusal(200, 0, "no id"))

        job = await transport.submit(spec, PARAMS, key="k-1")

        assert job.id == "there"

    async def test_it_is_looked_for_until_the_platform_has_had_time_to_show_it(
        self, transport: IbmTransport, ibm: Ibm, clock: EagerClock, spec: JobSpec
    ) -> None:
        ibm.fail("POST", "/jobs", "drop")
        before = clock.monotonic()

        with pytest.raises(OutcomeUnknownError) as caught:
            await transport.submit(spec, PARAMS, key="k-1")

        assert (caught.value.action, caught.value.key) == ("submit", "k-1")
        assert clock.monotonic() - before == pytest.approx(30)
        assert ibm.count("POST", "/jobs") == 1
        assert ibm.count("GET", "/jobs") > 3

    async def test_looking_goes_on_while_the_platform_is_away(
        self, transport: IbmTransport, ibm: Ibm, spec: JobSpec
    ) -> None:
        ibm.fail("POST", "/jobs", "drop after")
        ibm.fail("GET", "/jobs", refusal(503, 1999, "planned outage"), times=7)

        job = await transport.submit(spec, PARAMS, key="k-1")

        assert list(ibm.jobs) == [job.id]

    async def test_credentials_that_end_while_it_is_looked_for_leave_the_outcome_open(
        self, transport: IbmTransport, ibm: Ibm, spec: JobSpec
    ) -> None:
        ibm.fail("POST", "/jobs", "drop after")
        ibm.fail("GET", "/jobs", refusal(403, 1200, "no longer"), times=20)

        with pytest.raises(OutcomeUnknownError) as caught:
            await transport.submit(spec, PARAMS, key="k-1")
        with pytest.raises(OutcomeUnknownError):
            await transport.submit(spec, PARAMS, key="k-1")

        assert caught.value.key == "k-1"
        assert ibm.count("POST", "/jobs") == 1

    async def test_who_submits_again_with_the_same_key_gets_the_job_if_it_has_shown_up(
        self, transport: IbmTransport, ibm: Ibm, spec: JobSpec
    ) -> None:
        ibm.fail("POST", "/jobs", "drop")
        with pytest.raises(OutcomeUnknownError):
            await transport.submit(spec, PARAMS, key="k-1")
        ibm.add_job("late", tags=["mine", "swqr-key:k-1"])

        job = await transport.submit(spec, PARAMS, key="k-1")

        assert job.id == "late"
        assert ibm.count("POST", "/jobs") == 1

    async def test_who_submits_again_with_the_same_key_submits_if_it_has_not(
        self, transport: IbmTransport, ibm: Ibm, spec: JobSpec
    ) -> None:
        ibm.fail("POST", "/jobs", "drop")
        with pytest.raises(OutcomeUnknownError):
            await transport.submit(spec, PARAMS, key="k-1")

        job = await transport.submit(spec, PARAMS, key="k-1")

        assert list(ibm.jobs) == [job.id]

    @pytest.mark.parametrize("waiting_for", ["the answer", "the job to show up"])
    async def test_who_gave_up_and_submits_again_with_the_same_key_gets_the_job(
        self,
        transport: IbmTransport,
        ibm: Ibm,
        spec: JobSpec,
        clock: EagerClock,
        waiting_for: str,
    ) -> None:
        method = "POST" if waiting_for == "the answer" else "GET"
        if method == "GET":
            ibm.fail("POST", "/jobs", "drop")
        ibm.fail(method, "/jobs", "hang")
        given_up = asyncio.ensure_future(transport.submit(spec, PARAMS, key="k-1"))
        await until(lambda: ibm.count(method, "/jobs") > 0)
        given_up.cancel()
        await asyncio.wait([given_up])
        shown = clock.monotonic() + 10

        async def show() -> None:
            await until(lambda: clock.monotonic() >= shown)
            ibm.add_job("late", tags=["mine", "swqr-key:k-1"])

        showing = asyncio.ensure_future(show())
        job = await transport.submit(spec, PARAMS, key="k-1")
        showing.cancel()

        assert job.id == "late"
        assert ibm.count("POST", "/jobs") == 1

    async def test_so_does_who_gave_up_when_the_job_was_there_and_only_looked_at(
        self, transport: IbmTransport, ibm: Ibm, spec: JobSpec
    ) -> None:
        ibm.fail("GET", "/jobs/job0", "hang")
        given_up = asyncio.ensure_future(transport.submit(spec, PARAMS, key="k-1"))
        await until(lambda: ibm.count("GET", "/jobs/job0") > 0)
        given_up.cancel()
        await asyncio.wait([given_up])

        job = await transport.submit(spec, PARAMS, key="k-1")

        assert list(ibm.jobs) == [job.id]

    async def test_a_platform_that_ignores_the_filter_gives_nobody_else_s_job(
        self, transport: IbmTransport, ibm: Ibm, spec: JobSpec
    ) -> None:
        job = ibm.add_job("foreign")
        listing = refusal(200, 0, "")
        listing.text = json.dumps({"jobs": [job], "count": 1, "limit": 10, "offset": 0})
        ibm.fail("GET", "/jobs", listing, times=100)
        ibm.fail("POST", "/jobs", "drop")

        with pytest.raises(OutcomeUnknownError):
            await transport.submit(spec, PARAMS, key="k-1")

    async def test_what_certainly_did_not_leave_is_not_looked_for(
        self, transport: IbmTransport, ibm: Ibm, spec: JobSpec, clock: EagerClock
    ) -> None:
        ibm.unplug(transport)
        before = clock.monotonic()

        with pytest.raises(UnreachableError):
            await transport.submit(spec, PARAMS, key="k-1")

        assert clock.monotonic() == before

    async def test_a_refusal_for_now_is_waited_out(
        self, transport: IbmTransport, ibm: Ibm, spec: JobSpec, clock: EagerClock
    ) -> None:
        ibm.fail("POST", "/jobs", refusal(429, 1202, "too many", **{"Retry-After": "12"}))

        await transport.submit(spec, PARAMS, key="k-1")

        assert clock.slept[-1] == 12
        assert len(ibm.jobs) == 1

    async def test_a_refusal_for_long_is_an_error_that_says_when(
        self, transport: IbmTransport, ibm: Ibm, spec: JobSpec
    ) -> None:
        ibm.fail("POST", "/jobs", refusal(429, 1202, "too many", **{"Retry-After": "900"}))

        with pytest.raises(LimitExceededError, match="after 900 s") as caught:
            await transport.submit(spec, PARAMS, key="k-1")

        assert caught.value.code == 1202

    async def test_an_opening_without_an_answer_is_not_repeated(
        self, transport: IbmTransport, ibm: Ibm
    ) -> None:
        ibm.fail("POST", "/sessions", "drop after")

        with pytest.raises(OutcomeUnknownError) as caught:
            await transport.open_session(SessionSpec(backend=BackendName("ibm_fez")), key="k-1")

        assert (caught.value.action, caught.value.key) == ("open_session", "k-1")
        assert ibm.count("POST", "/sessions") == 1

    async def test_what_the_platform_said_of_its_failure_is_told_with_it(
        self, transport: IbmTransport, ibm: Ibm
    ) -> None:
        ibm.fail("POST", "/sessions", refusal(500, 1000, "the database is away"))

        with pytest.raises(OutcomeUnknownError) as caught:
            await transport.open_session(SessionSpec(backend=BackendName("ibm_fez")), key="k-1")

        assert "the database is away" in "".join(traceback.format_exception(caught.value))


class TestKeys:
    @pytest.fixture
    async def keyed(
        self, ibm: Ibm, connect: Callable[..., Awaitable[IbmTransport]]
    ) -> IbmTransport:
        ibm.versions["idempotency"] = True
        return await connect()

    async def test_a_platform_that_honours_keys_gets_them(
        self, keyed: IbmTransport, ibm: Ibm, spec: JobSpec
    ) -> None:
        job = await keyed.submit(spec, PARAMS, key="k-1")

        assert ibm.posted()[0]["idempotency-key"] == "k-1"
        assert ibm.jobs[job.id]["tags"] == ["mine"]

    async def test_there_a_lost_answer_is_asked_for_again(
        self, keyed: IbmTransport, ibm: Ibm, spec: JobSpec
    ) -> None:
        ibm.fail("POST", "/jobs", "drop after", times=2)

        job = await keyed.submit(spec, PARAMS, key="k-1")

        assert list(ibm.jobs) == [job.id]
        assert ibm.count("POST", "/jobs") == 3

    @pytest.mark.parametrize("lost", ["drop after", "500 after"])
    @pytest.mark.parametrize("status", [403, 429, 500])
    async def test_there_a_refusal_after_a_lost_answer_leaves_the_outcome_open(
        self, keyed: IbmTransport, ibm: Ibm, spec: JobSpec, lost: str, status: int
    ) -> None:
        ibm.fail("POST", "/jobs", lost)
        ibm.fail("POST", "/jobs", refusal(status, 1200, "not now"), times=20)

        with pytest.raises(OutcomeUnknownError) as caught:
            await keyed.submit(spec, PARAMS, key="k-1")

        assert caught.value.key == "k-1"
        assert len(ibm.jobs) == 1

    async def test_there_a_token_may_expire_while_a_submission_is_repeated(
        self, keyed: IbmTransport, ibm: Ibm, spec: JobSpec
    ) -> None:
        ibm.fail("POST", "/jobs", "drop after")
        ibm.fail("POST", "/jobs", refusal(401, 1201, "expired"))

        job = await keyed.submit(spec, PARAMS, key="k-1")

        assert list(ibm.jobs) == [job.id]

    async def test_there_a_lost_answer_is_not_forgotten_when_no_new_token_can_be_had(
        self, keyed: IbmTransport, ibm: Ibm, spec: JobSpec
    ) -> None:
        ibm.fail("POST", "/jobs", "drop after")
        ibm.fail("POST", "/jobs", refusal(401, 1201, "expired"))
        ibm.fail("POST", "/identity/token", refusal(500, None, "away"), times=20)

        with pytest.raises(OutcomeUnknownError):
            await keyed.submit(spec, PARAMS, key="k-1")

    async def test_the_capabilities_say_so_and_leave_all_tags_to_the_user(
        self, keyed: IbmTransport
    ) -> None:
        able = keyed.capabilities

        assert (able.idempotent_submit, able.idempotent_open, able.user_tags) == (True, True, 8)


class TestTags:
    async def test_users_never_see_the_tag_that_is_ours(
        self, transport: IbmTransport, spec: JobSpec
    ) -> None:
        job = await transport.submit(spec, PARAMS, key="k-1")

        listed = await transport.jobs(JobQuery())

        assert (await transport.job(job.id)).spec.tags == ("mine",)
        assert [found.spec.tags for found in listed] == [("mine",)]

    async def test_our_tag_outlives_an_update_of_the_user_s(
        self, transport: IbmTransport, ibm: Ibm, spec: JobSpec
    ) -> None:
        job = await transport.submit(spec, PARAMS, key="k-1")

        await transport.set_tags(job.id, ("new",))

        assert ibm.jobs[job.id]["tags"] == ["new", "swqr-key:k-1"]
        assert (await transport.job(job.id)).spec.tags == ("new",)

    async def test_it_does_so_for_a_job_of_another_process(
        self, transport: IbmTransport, ibm: Ibm
    ) -> None:
        ibm.add_job("old", tags=["x", "swqr-key:k-0"])

        await transport.set_tags("old", ())

        assert ibm.jobs["old"]["tags"] == ["swqr-key:k-0"]

    async def test_seven_tags_are_the_user_s_and_an_eighth_is_refused(
        self, transport: IbmTransport, ibm: Ibm, spec: JobSpec
    ) -> None:
        job = await transport.submit(spec, PARAMS, key="k-1")
        seven = tuple("abcdefg")
        await transport.set_tags(job.id, seven)

        with pytest.raises(InvalidInputError) as caught:
            await transport.set_tags(job.id, (*seven, "h"))

        assert caught.value.code == 1204
        assert (await transport.job(job.id)).spec.tags == seven

    async def test_a_user_cannot_make_a_tag_like_ours(
        self, transport: IbmTransport, spec: JobSpec
    ) -> None:
        with pytest.raises(InvalidInputError, match="swqr-key"):
            await transport.set_tags("any", ("swqr-key:mine",))


async def test_time_limits_of_channel_partners_are_not_there(transport: IbmTransport) -> None:
    with pytest.raises(UnsupportedOperation):
        await transport.open_session(
            SessionSpec(backend=BackendName("ibm_fez"), interactive_ttl=30), key="k"
        )
