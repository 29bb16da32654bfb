"""A job is submitted once, whatever happens on the way."""

import asyncio
import json
from typing import Any

import pytest
from aiohttp import web
from tests.unit.remote.conftest import EagerClock

from swqr_adapters.transports.strangeworks import StrangeworksTransport
from swqr_core.errors import (
    BackendNotFoundError,
    InstanceNotFoundError,
    OutcomeUnknownError,
    SessionClosedError,
    UnsupportedOperation,
)
from swqr_core.lifecycle.job import JobState
from swqr_core.model.ids import BackendName, SessionId
from swqr_core.model.job import JobSpec
from swqr_core.model.query import JobQuery
from swqr_core.model.session import SessionSpec

from .conftest import CREATE, RESOURCE, Platform, age, refusal

PARAMS = rb'{ "pubs":[], "greeting":"\u00e9\/" }'


async def test_a_submission_is_the_body_that_the_official_client_sends(
    platform: Platform, transport: StrangeworksTransport, spec: JobSpec
) -> None:
    await transport.submit(spec, PARAMS, key="k-1")

    body = next(json.loads(body) for _, path, _, body in platform.seen if path == CREATE)
    assert {name: body[name] for name in body if name != "data"} == {
        "program_id": "sampler",
        "backend": "ibm_fez",
        "channel": "ibm_cloud",
        "runtime": True,
    }
    assert PARAMS.decode() in body["data"]


async def test_a_job_carries_its_key_as_a_tag_that_its_user_never_sees(
    platform: Platform, transport: StrangeworksTransport, spec: JobSpec
) -> None:
    job = await transport.submit(spec, PARAMS, key="k-1")

    assert platform.posted()[0]["tags"] == ["mine", "swqr-key:k-1"]
    assert job.spec == spec
    assert (await transport.job(job.id)).spec.tags == ("mine",)


@pytest.mark.parametrize(
    "answer",
    [
        "drop after",
        "500 after",
        pytest.param(web.Response(text="<html>Welcome</html>"), id="html"),
        pytest.param(web.Response(status=201, text="{}"), id="201"),
        pytest.param(web.Response(text="{}"), id="nothing"),
    ],
)
async def test_a_job_whose_answer_was_lost_is_found_and_not_sent_again(
    platform: Platform,
    transport: StrangeworksTransport,
    spec: JobSpec,
    answer: str | web.Response,
) -> None:
    if isinstance(answer, web.Response):
        platform.add_job("job0", {**job_document(spec), "tags": ["mine", "swqr-key:k-1"]})
    platform.fail("POST", CREATE, answer)

    job = await transport.submit(spec, PARAMS, key="k-1")

    assert (job.id, job.spec.tags) == ("job0", ("mine",))
    assert len(platform.posted()) == len(platform.jobs) == 1


def job_document(spec: JobSpec) -> dict[str, object]:
    return {"program_id": spec.program_id, "backend": spec.backend, "params": {}}


async def test_where_the_platform_makes_no_tags_the_input_file_tells_whose_job_it_is(
    platform: Platform, transport: StrangeworksTransport, spec: JobSpec
) -> None:
    platform.tags_are_made = False
    platform.add_job("somebody-s", job_document(spec))
    platform.fail("POST", CREATE, "drop after")

    job = await transport.submit(spec, PARAMS, key="k-1")

    assert job.id == "job1"
    assert len(platform.posted()) == 1
    # And then it is given the tags that it asked for.
    assert [tag["tag"]["tag"] for tag in platform.jobs["job1"]["tags"]] == ["mine"]
    assert job.spec.tags == ("mine",)


async def test_input_files_of_old_jobs_are_not_read_when_looking_for_a_key(
    platform: Platform, transport: StrangeworksTransport, spec: JobSpec
) -> None:
    platform.add_job("old", job_document(spec))
    age(platform, "old", 3_600)
    platform.fail("POST", CREATE, "drop")

    with pytest.raises(OutcomeUnknownError) as caught:
        await transport.submit(spec, PARAMS, key="k-1")

    assert caught.value.key == "k-1"
    assert platform.count("GET", "/old/input_data.json") == 0


@pytest.mark.parametrize("tags_are_made", [True, False])
async def test_a_job_whose_answer_nobody_waited_for_is_listed_by_its_key(
    platform: Platform, transport: StrangeworksTransport, spec: JobSpec, *, tags_are_made: bool
) -> None:
    platform.tags_are_made = tags_are_made
    platform.add_job("somebody-s", job_document(spec))
    platform.add_job("left", {**job_document(spec), "tags": ["mine", "swqr-key:k-1"]})

    found = await transport.jobs(JobQuery(key="k-1"))
    states: Any = {JobState.COMPLETED}
    completed = await transport.jobs(JobQuery(key="k-1", states=states))

    assert [job.id for job in found] == ["left"]
    assert not any("swqr" in tag for job in found for tag in job.spec.tags)
    assert completed.total == 0


async def test_a_key_whose_fate_is_unknown_is_looked_for_before_it_is_sent_again(
    platform: Platform, transport: StrangeworksTransport, spec: JobSpec, clock: EagerClock
) -> None:
    platform.fail("POST", CREATE, "drop")
    with pytest.raises(OutcomeUnknownError):
        await transport.submit(spec, PARAMS, key="k-1")
    platform.add_job("late", {**job_document(spec), "tags": ["swqr-key:k-1"]})

    job = await transport.submit(spec, PARAMS, key="k-1")

    assert job.id == "late"
    assert len(platform.posted()) == 1


async def test_the_search_for_a_lost_job_outlives_an_outage(
    platform: Platform, transport: StrangeworksTransport, spec: JobSpec
) -> None:
    platform.fail("POST", CREATE, "drop after")
    platform.fail("POST", "/sdk", web.Response(status=503), times=7)

    job = await transport.submit(spec, PARAMS, key="k-1")

    assert job.id == "job0"
    assert len(platform.posted()) == 1


async def test_what_was_refused_is_told_and_not_looked_for(
    platform: Platform, transport: StrangeworksTransport, spec: JobSpec
) -> None:
    with pytest.raises(BackendNotFoundError) as caught:
        await transport.submit(
            JobSpec(program_id=spec.program_id, backend=BackendName("nowhere")), PARAMS, key="k"
        )

    assert caught.value.id == "nowhere"
    assert len(platform.posted()) == 1
    assert platform.jobs == {}


async def test_a_resource_that_is_deleted_meanwhile_is_told_as_that(
    platform: Platform, transport: StrangeworksTransport, spec: JobSpec
) -> None:
    for operation in (CREATE, "/runtime_backend_config"):
        platform.fail("POST", operation, refusal(404, f"{RESOURCE!r} was not found"))

    with pytest.raises(InstanceNotFoundError, match=RESOURCE):
        await transport.submit(spec, PARAMS, key="k-1")
    with pytest.raises(InstanceNotFoundError, match=RESOURCE):
        await transport.backend_configuration("ibm_fez")
    assert platform.jobs == {}


async def test_a_submission_that_came_too_fast_is_sent_again(
    platform: Platform, transport: StrangeworksTransport, spec: JobSpec
) -> None:
    platform.fail("POST", CREATE, refusal(429, "slow down"))

    job = await transport.submit(spec, PARAMS, key="k-1")

    assert job.id == "job0"
    assert len(platform.jobs) == 1


async def test_a_job_for_a_closed_session_is_refused_by_its_state(
    platform: Platform, transport: StrangeworksTransport, spec: JobSpec
) -> None:
    session = await transport.open_session(SessionSpec(backend=spec.backend), key="s")
    await transport.drain_session(session.id)

    with pytest.raises(SessionClosedError) as caught:
        await transport.submit(
            JobSpec(
                program_id=spec.program_id, backend=spec.backend, session_id=SessionId(session.id)
            ),
            PARAMS,
            key="k",
        )

    assert (caught.value.session_id, caught.value.state) == (session.id, "closed")


@pytest.mark.parametrize(
    "answer",
    [
        "drop after",
        "500 after",
        pytest.param(web.Response(text="<html>"), id="html"),
        pytest.param(web.Response(status=201, text='{"id": "s"}'), id="201"),
    ],
)
async def test_a_session_whose_opening_was_not_answered_is_reported_and_not_opened_again(
    platform: Platform, transport: StrangeworksTransport, answer: str | web.Response
) -> None:
    platform.fail("POST", "/create_session", answer)

    with pytest.raises(OutcomeUnknownError) as caught:
        await transport.open_session(SessionSpec(backend=BackendName("ibm_fez")), key="s-1")

    assert caught.value.key == "s-1"
    assert platform.count("POST", "/create_session") == 1


async def test_who_gave_up_while_a_job_got_its_tags_and_submits_again_gets_the_job_with_them(
    platform: Platform,
    transport: StrangeworksTransport,
    spec: JobSpec,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    platform.tags_are_made = False
    given_up = asyncio.ensure_future(transport.submit(spec, PARAMS, key="k-1"))

    def give_up(_: object) -> web.Response:
        given_up.cancel()
        return refusal(500, "too late")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(platform, "_add_tags", give_up)
        await asyncio.wait([given_up])

    job = await transport.submit(spec, PARAMS, key="k-1")

    assert list(platform.jobs) == [job.id]
    assert job.spec.tags == ("mine",)


async def test_tags_are_added_and_not_taken_away(
    platform: Platform, transport: StrangeworksTransport, spec: JobSpec
) -> None:
    job = await transport.submit(spec, PARAMS, key="k-1")
    await transport.set_tags(job.id, ("mine", "more"))

    assert (await transport.job(job.id)).spec.tags == ("mine", "more")
    assert platform.asked("jobAddTags")[0]["tags"] == ["more"]
    with pytest.raises(UnsupportedOperation):
        await transport.set_tags(job.id, ("more",))


async def test_a_job_that_was_lost_and_cancelled_meanwhile_is_told_as_it_is(
    platform: Platform, transport: StrangeworksTransport, spec: JobSpec
) -> None:
    job = await transport.submit(spec, PARAMS, key="k-1")
    platform.fail("POST", "/runtime_cancel", "drop after")

    await transport.cancel_job(job.id)

    assert (await transport.job(job.id)).state is JobState.CANCELLED
