"""What the platform tells, what it does not, and what cannot be true."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from swqr_adapters.transports.strangeworks import StrangeworksTransport
from swqr_core.errors import (
    BackendNotFoundError,
    InvalidInputError,
    JobEndedError,
    JobNotFoundError,
    ProtocolError,
    SessionNotFoundError,
    SwqrError,
    UnreachableError,
    UnsupportedOperation,
)
from swqr_core.lifecycle.job import JobState
from swqr_core.lifecycle.session import SessionState
from swqr_core.model.backend import BackendStatus
from swqr_core.model.job import JobSpec
from swqr_core.model.query import JobQuery
from swqr_core.model.session import SessionSpec

from .conftest import Platform, age, graphql_refusal, refusal

RESULT = r'{ "x":1.0E+2, "\u00e9" :"é\/" }'.encode()


async def listed(transport: StrangeworksTransport, **conditions: Any) -> list[str]:
    return [job.id for job in await transport.jobs(JobQuery(**conditions))]


# --- jobs --------------------------------------------------------------------------------------


async def test_somebody_s_job_is_told_by_its_record_and_its_input_file(
    platform: Platform, transport: StrangeworksTransport
) -> None:
    platform.add_job(
        "j-1",
        {
            "program_id": "estimator",
            "backend": "ibm_fez",
            "params": {"pubs": []},
            "session_id": "s-1",
            "tags": ["a", "b"],
            "cost": 300,
        },
    )

    job = await transport.job("j-1")

    assert (job.spec.program_id, job.spec.session_id) == ("estimator", "s-1")
    assert (job.spec.tags, job.time_limit) == (("a", "b"), 300)
    assert (job.state, job.instance) == (JobState.QUEUED, "my-resource")
    assert await transport.params("j-1") == b'{"pubs": []}'


async def test_an_input_file_is_read_once(
    platform: Platform, transport: StrangeworksTransport
) -> None:
    platform.add_job("j-1")
    for _ in range(3):
        await transport.job("j-1")

    assert platform.count("GET", "/input_data.json") == 1


async def test_a_result_comes_back_byte_by_byte(
    platform: Platform, transport: StrangeworksTransport, spec: JobSpec
) -> None:
    job = await transport.submit(spec, b"{}", key="k")
    platform.finish(job.id, result=RESULT)

    assert await transport.result(job.id) == RESULT


async def test_a_failed_job_says_why(platform: Platform, transport: StrangeworksTransport) -> None:
    platform.add_job("j-1")
    platform.write("j-1", "job_error.txt", b"The circuit is wrong.")
    platform.finish("j-1", "FAILED")

    job = await transport.job("j-1")

    assert (job.state, job.reason) == (JobState.FAILED, "The circuit is wrong.")
    assert await transport.result("j-1") is None


async def test_what_ran_too_long_is_told_apart_from_what_failed(
    platform: Platform, transport: StrangeworksTransport
) -> None:
    platform.add_job("j-1")
    platform.write("j-1", "error.json", b'{"error": {"message": "Too long.", "code": 1305}}')
    platform.finish("j-1", "FAILED")

    assert (await transport.job("j-1")).state is JobState.TIMED_OUT
    assert await listed(transport, states={JobState.TIMED_OUT}) == ["j-1"]
    assert await listed(transport, states={JobState.FAILED}) == []


async def test_a_reason_that_comes_late_changes_nothing_about_how_a_job_ended(
    platform: Platform, transport: StrangeworksTransport
) -> None:
    platform.add_job("j-1")
    platform.finish("j-1", "FAILED")
    before = await transport.job("j-1")
    platform.write("j-1", "error.json", b'{"error": {"message": "Too long.", "code": 1305}}')

    after = await transport.job("j-1")

    assert (before.state, before.reason) == (JobState.FAILED, None)
    assert (after.state, after.reason) == (JobState.FAILED, "Too long.")


async def test_when_a_job_ended_does_not_change_with_its_tags(
    platform: Platform, transport: StrangeworksTransport
) -> None:
    platform.add_job("j-1")
    platform.finish("j-1")
    before = await transport.job("j-1")
    platform.jobs["j-1"]["dateUpdated"] = (before.created_at + timedelta(hours=1)).isoformat()

    assert (await transport.job("j-1")).ended_at == before.ended_at


async def test_a_job_of_another_resource_is_not_found(
    platform: Platform, transport: StrangeworksTransport
) -> None:
    platform.add_job("j-1", resource=platform.resource("other", "ibm-quantum"))

    for ask in (transport.job, transport.params, transport.result):
        with pytest.raises(JobNotFoundError):
            await ask("j-1")
    assert len(await transport.jobs(JobQuery())) == 0


async def test_jobs_of_another_kind_are_not_listed(
    platform: Platform, transport: StrangeworksTransport
) -> None:
    platform.add_job("j-1")
    platform.add_job("j-2")
    platform.jobs["j-1"]["files"].clear()

    page = await transport.jobs(JobQuery())

    assert ([job.id for job in page], page.total) == (["j-2"], 1)


@pytest.mark.parametrize("newest_first", [True, False])
async def test_a_list_is_in_order_whatever_the_platform_s_is(
    platform: Platform, transport: StrangeworksTransport, *, newest_first: bool
) -> None:
    platform.newest_first = newest_first
    platform.page_size = 7
    for number in range(30):
        platform.add_job(f"j-{number}", tags=[{"tag": {"tag": f"t{number % 3}"}}])
        platform.clock.skip(1)

    page = await transport.jobs(JobQuery(tags=("t1",), limit=4, offset=2))
    oldest = await transport.jobs(JobQuery(newest_first=False, limit=1))

    assert [job.id for job in page] == ["j-22", "j-19", "j-16", "j-13"]
    assert (page.total, page.offset, page.limit) == (10, 2, 4)
    assert [job.id for job in oldest] == ["j-0"]


async def test_what_is_not_shown_is_not_looked_into(
    platform: Platform, transport: StrangeworksTransport
) -> None:
    for number in range(30):
        platform.add_job(f"j-{number}")

    page = await transport.jobs(JobQuery(limit=3))

    assert page.total == 30
    assert platform.count("GET", "/input_data.json") == 3


async def test_what_the_platform_cannot_filter_is_filtered_here(
    platform: Platform, transport: StrangeworksTransport
) -> None:
    for number in range(4):
        program = "sampler" if number % 2 else "estimator"
        job = {"program_id": program, "backend": f"b{number}", "params": {}, "session_id": "s"}
        platform.add_job(f"j-{number}", job)
        age(platform, f"j-{number}", 100 - 10 * number)
    moment = platform.clock.now() - timedelta(seconds=80)

    assert await listed(transport, program_id="sampler") == ["j-3", "j-1"]
    assert await listed(transport, backend="b2") == ["j-2"]
    assert await listed(transport, session_id="s", program_id="estimator") == ["j-2", "j-0"]
    assert await listed(transport, session_id="none") == []
    assert await listed(transport, created_after=moment) == ["j-3", "j-2"]
    assert await listed(transport, created_before=moment) == ["j-2", "j-1", "j-0"]


async def test_an_answer_that_breaks_the_lifecycle_shows_both_snapshots(
    platform: Platform, transport: StrangeworksTransport
) -> None:
    platform.add_job("j-1")
    platform.finish("j-1")
    await transport.job("j-1")
    platform.jobs["j-1"]["status"] = "RUNNING"

    with pytest.raises(ProtocolError) as caught:
        await transport.job("j-1")

    assert "completed" in caught.value.before
    assert "running" in caught.value.after


async def test_a_cancelled_job_cannot_be_cancelled_again(
    platform: Platform, transport: StrangeworksTransport
) -> None:
    platform.add_job("j-1")
    await transport.cancel_job("j-1")

    with pytest.raises(JobEndedError) as caught:
        await transport.cancel_job("j-1")

    assert caught.value.state == "cancelled"


# --- results that are none ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda files: files.pop(), "has completed and has no 'job_results.json'"),
        (lambda files: files[-1]["file"].update(url="/files/gone"), "is listed, but: "),
        (lambda files: files[-1]["file"].update(url=None), "is nowhere"),
    ],
)
async def test_a_result_file_that_is_missing_is_told(
    platform: Platform,
    transport: StrangeworksTransport,
    spoil: Callable[[list[dict[str, Any]]], object],
    problem: str,
) -> None:
    platform.add_job("j-1")
    platform.finish("j-1")
    spoil(platform.jobs["j-1"]["files"])

    with pytest.raises(ProtocolError) as caught:
        await transport.result("j-1")

    assert problem in str(caught.value)
    assert "'j-1'" in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(json.dumps(RESULT.decode()).encode()[:-5], id="truncated"),
        pytest.param(b"<html>Sign in</html>", id="html"),
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff\xfe\x00", id="bytes"),
        pytest.param(b"[1, 2]", id="a list"),
    ],
)
async def test_a_result_file_that_is_not_what_it_claims_is_told(
    platform: Platform, transport: StrangeworksTransport, content: bytes
) -> None:
    platform.add_job("j-1")
    platform.finish("j-1")
    platform.write("j-1", "job_results.json", content)

    with pytest.raises(ProtocolError, match=r"job_results\.json"):
        await transport.result("j-1")


async def test_a_result_file_at_no_address_is_told(
    platform: Platform, transport: StrangeworksTransport
) -> None:
    platform.add_job("j-1")
    platform.finish("j-1")
    platform.jobs["j-1"]["files"][-1]["file"]["url"] = "http://[::1"

    with pytest.raises(ProtocolError, match="no address"):
        await transport.result("j-1")


async def test_a_file_that_has_moved_is_found_where_it_is_now(
    platform: Platform, transport: StrangeworksTransport
) -> None:
    platform.add_job("j-1")
    platform.finish("j-1", result=b"[1]")
    await transport.job("j-1")
    platform.files["/files/moved"] = platform.files.pop("/files/j-1/job_results.json")
    platform.jobs["j-1"]["files"][-1]["file"]["url"] = f"{platform.url}/files/moved"

    assert await transport.result("j-1") == b"[1]"


# --- answers that are none ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "kind", "problem"),
    [
        (web.Response(text="<html>Sign in</html>"), ProtocolError, "is not JSON"),
        (web.Response(text="{}"), ProtocolError, "neither 'data' nor 'errors'"),
        (web.Response(text='{"data": null}'), ProtocolError, "page of jobs"),
        (web.Response(text='{"data": {"workspace": null}}'), ProtocolError, "page of jobs"),
        (web.Response(status=302, text=""), ProtocolError, "status 302, not 200"),
        (graphql_refusal("field 'jobs' failed", {"workspace": {"jobs": None}}), ProtocolError,
         "answered with errors: field 'jobs' failed"),
        (web.Response(status=400, text='{"errors": [{"message": "bad query"}]}'),
         InvalidInputError, "bad query"),
    ],
)  # fmt: skip
async def test_an_answer_that_is_none_is_told(
    platform: Platform,
    transport: StrangeworksTransport,
    answer: web.Response,
    kind: type[SwqrError],
    problem: str,
) -> None:
    platform.add_job("j-1")
    platform.fail("POST", "/sdk", answer)

    with pytest.raises(kind) as caught:
        await transport.job("j-1")

    assert problem in str(caught.value)
    assert (await transport.job("j-1")).id == "j-1"


async def test_errors_beside_data_do_not_pass_for_a_whole_answer(
    platform: Platform, transport: StrangeworksTransport
) -> None:
    platform.add_job("j-1")
    whole = platform._list({"first": 50})  # noqa: SLF001 - what it would answer
    platform.fail("POST", "/sdk", graphql_refusal("the second shard is down", whole))

    with pytest.raises(ProtocolError, match="the second shard is down"):
        await transport.jobs(JobQuery())


def page(*slugs: str, more: bool, cursor: str | None) -> web.Response:
    node = {"status": "QUEUED", "files": [], "tags": [], "dateCreated": "2026-01-01T00:00:00Z"}
    edges = [{"cursor": cursor, "node": {"slug": slug, **node}} for slug in slugs]
    info = {"endCursor": cursor, "hasNextPage": more}
    return web.json_response({"data": {"workspace": {"jobs": {"pageInfo": info, "edges": edges}}}})


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(page(more=True, cursor="c"), id="an empty page that says there is more"),
        pytest.param(page("j", more=True, cursor=None), id="more, and not where"),
        pytest.param(page("j", more=True, cursor="c"), id="always the same page"),
    ],
)
async def test_a_list_without_an_end_is_told(
    platform: Platform, transport: StrangeworksTransport, answer: web.Response
) -> None:
    platform.fail("POST", "/sdk", answer, times=100)

    with pytest.raises(ProtocolError, match=r"there is (always )?more"):
        await transport.jobs(JobQuery())

    assert len(platform.asked("sdk_get_jobs")) <= 3


async def test_a_query_is_asked_again_after_what_passes(
    platform: Platform, transport: StrangeworksTransport
) -> None:
    platform.add_job("j-1")
    platform.fail("POST", "/sdk", web.Response(status=502))
    platform.fail("POST", "/sdk", "drop")

    assert (await transport.job("j-1")).id == "j-1"


async def test_a_platform_that_stays_away_is_unreachable(
    platform: Platform, transport: StrangeworksTransport
) -> None:
    platform.fail("POST", "/sdk", web.Response(status=502), times=50)

    with pytest.raises(UnreachableError):
        await transport.job("j-1")


@pytest.mark.parametrize("status", [201, 204])
async def test_a_status_that_is_not_the_one_due_is_told(
    platform: Platform, transport: StrangeworksTransport, status: int
) -> None:
    platform.fail("POST", "/runtime_backend_config", web.Response(status=status, text="{}"))

    with pytest.raises(ProtocolError, match=f"status {status}, not 200"):
        await transport.backend_configuration("ibm_fez")


# --- backends and sessions ---------------------------------------------------------------------


async def test_a_backend_has_the_qubits_of_its_configuration_which_is_read_once(
    platform: Platform, transport: StrangeworksTransport
) -> None:
    [backend] = await transport.backends()
    await transport.backends()

    assert (backend.name, backend.num_qubits, backend.status) == (
        "ibm_fez", 156, BackendStatus.ONLINE,
    )  # fmt: skip
    assert platform.count("POST", "/runtime_backend_config") == 1
    assert platform.asked("backends")[0] == {"product_slugs": ["ibm-qiskit-runtime"]}


async def test_a_backend_that_does_not_exist_is_not_found_by_any_of_its_documents(
    platform: Platform, transport: StrangeworksTransport
) -> None:
    with pytest.raises(BackendNotFoundError) as caught:
        await transport.backend_configuration("ibm_fezz")
    assert caught.value.known == ("ibm_fez",)
    assert await transport.backend_properties("ibm_fez") is None


async def test_a_session_lives_as_the_platform_tells(
    platform: Platform, transport: StrangeworksTransport, spec: JobSpec
) -> None:
    opened = await transport.open_session(SessionSpec(backend=spec.backend, max_ttl=600), key="k")
    before = await transport.session(opened.id)
    await transport.drain_session(opened.id)
    await transport.drain_session(opened.id)

    assert (opened.state, opened.max_ttl) == (SessionState.OPEN, 600)
    assert before == opened
    assert (await transport.session(opened.id)).state is SessionState.CLOSED


async def test_a_session_that_cannot_be_read_is_the_platform_s_mistake(
    platform: Platform, transport: StrangeworksTransport
) -> None:
    platform.add_session("s-1", state="dreaming")

    with pytest.raises(ProtocolError) as caught:
        await transport.session("s-1")

    assert caught.value.transport == "strangeworks"
    assert "'dreaming'" in str(caught.value)


async def test_an_unknown_session_is_not_found(transport: StrangeworksTransport) -> None:
    with pytest.raises(SessionNotFoundError):
        await transport.session("nobody-s")


async def test_what_the_platform_cannot_do_is_not_asked_of_it(
    platform: Platform, transport: StrangeworksTransport
) -> None:
    before = len(platform.seen)

    for ask in (
        transport.cancel_session,
        transport.delete_job,
        transport.interim_results,
        transport.logs,
        transport.metrics,
        transport.program,
    ):
        with pytest.raises(UnsupportedOperation):
            await ask("anything")

    assert len(platform.seen) == before


async def test_a_refusal_without_known_words_keeps_what_was_said(
    platform: Platform, transport: StrangeworksTransport
) -> None:
    platform.fail("POST", "/session_details", refusal(422, "max_time is out of range"))

    with pytest.raises(InvalidInputError, match="max_time is out of range"):
        await transport.session("s-1")
