"""A platform that is broken or means ill: errors are ours and clear, and nothing is endless."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web
from tests.unit.remote.conftest import EagerClock

from swqr_adapters.http import Deadlines
from swqr_adapters.remote.interim import read_interim
from swqr_adapters.transports.ibm import IbmTransport
from swqr_core.errors import OutcomeUnknownError, ProtocolError, SwqrError, UnreachableError
from swqr_core.lifecycle.job import JobState
from swqr_core.model.job import JobSpec
from swqr_core.model.program import InterimResults
from swqr_core.model.query import JobQuery, SessionQuery

from .conftest import Ibm

EVER = 10**9
HALF = '"\\ud800"'  # half of a character: it can be neither printed nor sent on
Connect = Callable[..., Awaitable[IbmTransport]]


def document(body: str | bytes, status: int = 200) -> web.Response:
    data = body if isinstance(body, bytes) else body.encode()
    return web.Response(status=status, body=data, content_type="application/json")


def told(error: str, *args: object) -> str:
    return json.dumps({"swqr": {"error": error, "args": args}})


class TestWhatAnswersSay:
    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (400, '{"errors": [{"code": "' + "9" * 5000 + '", "message": "no"}]}'),
            (400, '{"errors": [{"code": ' + "9" * 4000 + ', "message": "no"}]}'),
            (413, '{"errors": [{"message": "at most ' + "9" * 400 + '"}]}'),
            (400, '{"errors": [{"message": ' + HALF + "}]}"),
            (400, b'{"errors": [{"message": "\xed\xa0\x80"}]}'),
            (400, told("PayloadTooLargeError", "params", "a", "b")),
            (404, told("NotFoundError", 1, [2])),
            (408, told("WaitTimeoutError", "job", "j", "x")),
            (409, told("IllegalTransitionError", "job", "j", "a", "b", [1])),
        ],
        ids=range(9),
    )
    async def test_a_refusal_is_an_error_that_can_be_shown_whatever_it_says(
        self, transport: IbmTransport, ibm: Ibm, status: int, body: str | bytes
    ) -> None:
        ibm.fail("GET", "/jobs/j", document(body, status))

        with pytest.raises(SwqrError) as caught:
            await transport.job("j")

        assert 0 < len(str(caught.value).encode()) < 2000

    @pytest.mark.parametrize("field", ["id", "status", "backend", "user_id"])
    async def test_text_that_is_none_is_told(
        self, transport: IbmTransport, ibm: Ibm, field: str
    ) -> None:
        job = ibm.add_job("j") | {field: "@"}
        ibm.fail("GET", "/jobs/j", document(json.dumps(job).replace('"@"', HALF)))

        with pytest.raises(ProtocolError, match="is not JSON"):
            await transport.job("j")

    async def test_what_is_wrong_is_told_in_few_words(
        self, transport: IbmTransport, ibm: Ibm
    ) -> None:
        ibm.add_job("j", swqr={"log_level": "x " * 100_000})

        with pytest.raises(ProtocolError) as caught:
            await transport.job("j")

        assert len(str(caught.value)) < 2000

    async def test_a_state_that_is_null_is_read_from_the_status(
        self, transport: IbmTransport, ibm: Ibm
    ) -> None:
        ibm.add_job("j", state=None)

        assert (await transport.job("j")).state is JobState.QUEUED

    @pytest.mark.parametrize("status", [206, 302, 304])
    async def test_what_is_no_whole_answer_is_no_result(
        self, transport: IbmTransport, ibm: Ibm, status: int
    ) -> None:
        ibm.add_job("j", "Completed")
        ibm.fail("GET", "/results", document(b"{", status))

        with pytest.raises(ProtocolError, match=str(status)):
            await transport.result("j")

    async def test_a_token_that_no_header_can_hold_is_told_and_not_shown(
        self, connect: Connect, ibm: Ibm
    ) -> None:
        token = json.dumps({"access_token": "one\r\nX-Two: 2", "expires_in": 60})
        ibm.fail("POST", "/identity/token", document(token), times=EVER)

        with pytest.raises(UnreachableError, match="cannot stand in a header") as caught:
            await connect()

        assert "X-Two" not in str(caught.value)

    async def test_an_answer_about_something_else_is_not_taken_for_the_right_one(
        self, transport: IbmTransport, ibm: Ibm
    ) -> None:
        ibm.add_job("j")
        ibm.fail("GET", "/jobs/j", document(json.dumps(ibm.add_job("other", "Completed"))))
        ibm.add_session("s")
        ibm.fail("GET", "/sessions/s", document(json.dumps(ibm.add_session("another"))))

        with pytest.raises(ProtocolError, match="'j' was asked for and 'other' answered"):
            await transport.wait_job("j", timeout=None)
        with pytest.raises(ProtocolError, match="'s' was asked for and 'another' answered"):
            await transport.session("s")


class TestSubmitting:
    @pytest.mark.parametrize("answer", [b"x" * (64 * 2**20 + 1), f'{{"id": {HALF}}}'.encode()])
    async def test_a_job_whose_answer_cannot_be_taken_is_found_by_its_key(
        self,
        transport: IbmTransport,
        ibm: Ibm,
        spec: JobSpec,
        monkeypatch: pytest.MonkeyPatch,
        answer: bytes,
    ) -> None:
        monkeypatch.setattr(ibm, "internal_error", lambda: document(answer))
        ibm.fail("POST", "/jobs", "500 after")

        job = await transport.submit(spec, b"{}", key="k")

        assert [*ibm.jobs] == [job.id]

    async def test_a_command_whose_answer_is_too_long_may_have_been_done(
        self, transport: IbmTransport, ibm: Ibm
    ) -> None:
        ibm.add_job("j")
        ibm.fail("POST", "/cancel", document(b"x" * (64 * 2**20 + 1)))

        with pytest.raises(OutcomeUnknownError):
            await transport.cancel_job("j")


class TestNothingDone:
    FULL = told("UnreachableError", "memory", "the store cannot be written: free room on its disk")

    @pytest.fixture
    async def ours(self, connect: Connect, ibm: Ibm) -> IbmTransport:
        ibm.versions |= {"idempotency": True, "swqr": {"capabilities": {"idempotent_submit": True}}}
        return await connect()

    async def test_a_server_that_did_nothing_each_time_is_told_in_its_own_words(
        self, ours: IbmTransport, ibm: Ibm, spec: JobSpec
    ) -> None:
        ibm.fail("POST", "/jobs", document(self.FULL, 503), times=EVER)

        with pytest.raises(UnreachableError, match="free room on its disk"):
            await ours.submit(spec, b"{}", key="k")

        assert ibm.count("POST", "/jobs") == 5

    @pytest.mark.parametrize("before", ["drop after", "500 after"])
    async def test_it_says_nothing_of_an_attempt_before_that_was_not_answered(
        self, ours: IbmTransport, ibm: Ibm, spec: JobSpec, before: str
    ) -> None:
        ibm.fail("POST", "/jobs", document(self.FULL, 503))
        ibm.fail("POST", "/jobs", before)
        ibm.fail("POST", "/jobs", document(self.FULL, 503), times=EVER)

        with pytest.raises(OutcomeUnknownError):
            await ours.submit(spec, b"{}", key="k")


class TestLists:
    async def test_jobs_without_an_end_are_told(self, transport: IbmTransport, ibm: Ibm) -> None:
        failed: Any = {JobState.FAILED}
        page = json.dumps({"jobs": [ibm.add_job("j", "Failed")], "count": 2**60})
        ibm.fail("GET", "/jobs", document(page), times=1000)

        with pytest.raises(ProtocolError, match="has no end"):
            await transport.jobs(JobQuery(states=failed))

    async def test_a_next_page_at_no_address_is_told(
        self, transport: IbmTransport, ibm: Ibm
    ) -> None:
        page = json.dumps({"workloads": [], "next": {"href": "http://[::1"}})
        ibm.fail("GET", "/workloads", document(page), times=2)

        with pytest.raises(ProtocolError, match="must be a URL"):
            await transport.sessions(SessionQuery())

    async def test_sessions_that_go_round_in_a_circle_are_told(
        self, transport: IbmTransport, ibm: Ibm, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = 0

        async def workloads(request: web.Request, body: bytes) -> web.Response:
            nonlocal asked
            asked += 1
            assert asked < 100
            item = {"id": "j", "created": "2026-01-01T00:00:00Z", "mode": "job", "status": "failed"}
            following = {"href": f"https://here/workloads?next={asked % 3}"}
            return web.json_response({"workloads": [item], "next": following})

        monkeypatch.setattr(ibm, "_workloads", workloads)

        with pytest.raises(ProtocolError, match="has no end"):
            await transport.sessions(SessionQuery())


class TestWaiting:
    @pytest.mark.parametrize(("asked", "waited"), [("300", 300), ("99999999999", 600)])
    async def test_a_platform_that_wants_to_be_left_alone_is_for_ten_minutes_at_most(
        self, transport: IbmTransport, ibm: Ibm, clock: EagerClock, asked: str, waited: float
    ) -> None:
        ibm.add_job("j")
        ibm.job_seconds = 30
        wait = asyncio.ensure_future(transport.wait_job("j", timeout=None))
        while not len(transport._poller):  # noqa: ASYNC110, SLF001 - nobody tells
            await asyncio.sleep(0)
        busy = document('{"errors": [{"code": 1202, "message": "too many"}]}', 429)
        busy.headers["Retry-After"] = asked
        ibm.fail("GET", "/jobs/j", busy)

        assert (await wait).state is JobState.COMPLETED
        assert max(clock.slept) == waited

    async def test_a_job_from_the_end_of_time_disturbs_no_other(
        self, transport: IbmTransport, ibm: Ibm, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ibm.add_job("late", created="9999-12-31T23:59:59.999999Z")
        shown = ibm.add_job("other")

        def list_(request: web.Request) -> web.Response:
            return web.json_response({"jobs": [shown], "count": 1})

        monkeypatch.setattr(ibm, "_list", list_)
        late, other = (
            asyncio.ensure_future(transport.wait_job(id, timeout=None)) for id in ("late", "other")
        )
        while len(transport._poller) < 2:  # noqa: ASYNC110, SLF001 - nobody tells
            await asyncio.sleep(0)
        ibm.set_status("other", "Completed")

        assert (await other).state is JobState.COMPLETED
        late.cancel()

    async def test_a_list_that_shows_the_same_page_again_keeps_nobody_waiting(
        self, transport: IbmTransport, ibm: Ibm, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        jobs = [ibm.add_job(f"j{number}") for number in range(220)]

        def list_(request: web.Request) -> web.Response:
            return web.json_response({"jobs": jobs[:200], "count": 220})

        monkeypatch.setattr(ibm, "_list", list_)
        waits = [asyncio.ensure_future(transport.wait_job(job["id"], timeout=None)) for job in jobs]
        while len(transport._poller) < len(jobs):  # noqa: ASYNC110, SLF001 - nobody tells
            await asyncio.sleep(0)
        ibm.set_status("j219", "Completed")

        assert (await waits[-1]).state is JobState.COMPLETED
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)


def asked_of(clock: EagerClock) -> Any:
    return SimpleNamespace(name="ibm", clock=clock)


async def test_a_server_that_holds_no_question_is_asked_once_a_second(clock: EagerClock) -> None:
    asked = 0

    async def ask(wait: float, deadlines: Deadlines) -> InterimResults:
        nonlocal asked
        asked += 1
        assert asked < 1000
        return InterimResults()

    page = await read_interim(ask, asked_of(clock), start=0, limit=10, timeout=30)

    assert not page.results
    assert asked <= 31


async def test_interim_results_that_come_again_are_told(clock: EagerClock) -> None:
    async def ask(wait: float, deadlines: Deadlines) -> InterimResults:
        return InterimResults(start=0, results=(b"1",))

    with pytest.raises(ProtocolError, match="from 1 on were asked for, not from 0 on"):
        await read_interim(ask, asked_of(clock), start=1, limit=10, timeout=None)
