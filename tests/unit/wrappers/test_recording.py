"""What a recording keeps, what it must not keep, and that it plays like the original."""

import json
from typing import TYPE_CHECKING, Any

import hypothesis.strategies as st
import pytest
from attrs import evolve
from hypothesis import example, given

from swqr_core.errors import (
    ClosedError,
    InvalidInputError,
    JobEndedError,
    SessionClosedError,
    TransportError,
)
from swqr_core.lifecycle.job import JobState
from swqr_core.model.capabilities import Capabilities
from swqr_core.model.principal import Principal
from swqr_core.model.query import JobQuery, ProgramQuery, SessionQuery
from swqr_core.ports.transport import RuntimeTransport
from swqr_core.wrappers import RecordingTransport, ReplayTransport, Tape, TapeEntry
from swqr_core.wrappers.scrubbing import REMOVED, Scrubber
from swqr_core.wrappers.tape import decode, encode

if TYPE_CHECKING:
    from tests.unit.wrappers.conftest import Platform


def anonymous(value: Any) -> Any:
    """Return what a replay would show of it: the same without a user and an instance."""
    return decode(Scrubber().scrub(encode(value)), {})


async def work(transport: RuntimeTransport, platform: "Platform", *, live: bool) -> list[Any]:
    """Do this and that; return everything that was answered."""
    seen: list[Any] = [await transport.backends(), await transport.programs(ProgramQuery())]
    seen.append(await transport.backend_configuration("ideal_5"))
    seen.append(await transport.instances())
    session = await transport.open_session(platform.session, key="any" if live else "other")
    job = await transport.submit(
        evolve(platform.job, session_id=session.id, tags=("a", "b")), b'{"n": 1}', key="k"
    )
    seen += [session, job]
    if live:
        platform.executor.finish(job.id, result=b"[1, 2]", quantum_seconds=3.5, logs="hello")
    seen.append(await transport.wait_job(job.id, timeout=None if live else 0.0))
    seen += [await transport.result(job.id), await transport.params(job.id)]
    seen += [await transport.logs(job.id), await transport.metrics(job.id)]
    ended = frozenset((JobState.COMPLETED, JobState.FAILED))
    seen.append(await transport.jobs(JobQuery(states=ended)))  # type: ignore[arg-type]
    with pytest.raises(JobEndedError) as refused:
        await transport.cancel_job(job.id)
    seen.append(refused.value.args)
    await transport.cancel_session(session.id)
    with pytest.raises(SessionClosedError) as closed:
        await transport.submit(evolve(platform.job, session_id=session.id), b"{}", key="k2")
    seen.append(closed.value.args)
    seen += [await transport.session(session.id), await transport.sessions(SessionQuery())]
    return seen


async def test_a_replay_answers_like_the_original(platform: "Platform") -> None:
    recorder = RecordingTransport(platform.transport)
    original = await work(recorder, platform, live=True)
    replay = ReplayTransport(Tape.loads(recorder.tape.dumps()))

    played = await work(replay, platform, live=False)

    shown = [value for value in original if not isinstance(value, bytes)]
    assert [v for v in played if not isinstance(v, bytes)] == list(anonymous(shown))
    assert [v for v in played if isinstance(v, bytes)] == [
        v for v in original if isinstance(v, bytes)
    ]
    assert replay.capabilities == platform.transport.capabilities


async def test_a_recording_names_neither_users_nor_instances(platform: "Platform") -> None:
    recorder = RecordingTransport(platform.transport)
    await work(recorder, platform, live=True)

    text = recorder.tape.dumps()

    assert "ada@example.org" not in text
    assert platform.crn not in text
    assert recorder.tape.principal.user == "user-1"
    assert recorder.tape.principal.instance == "instance-1"


async def test_a_recording_has_no_secret_wherever_it_stood(platform: "Platform") -> None:
    recorder = RecordingTransport(platform.transport, secrets=["hunter2"])
    spec = evolve(
        platform.job,
        tags=("is-hunter2",),
        extra={"apiKey": "abc", "nested": {"Authorization": "Bearer xyz", "n": [1]}},
    )
    await recorder.submit(spec, b'{"password": "hunter2"}', key="k")

    text = recorder.tape.dumps()

    (entry,) = recorder.tape.entries
    arguments: Any = entry.arguments
    extra = decode(arguments["spec"], {}).extra
    assert not {word for word in ("hunter2", "abc", "xyz") if word in text}
    assert extra == {"apiKey": REMOVED, "nested": {"Authorization": REMOVED, "n": [1]}}
    assert list(recorder.tape.payloads.values()) == [b'{"password": "[removed]"}']


@pytest.mark.parametrize("ascii", [True, False])
async def test_a_secret_is_found_as_it_stands_in_json_and_as_a_name(
    platform: "Platform", ascii: bool
) -> None:
    secret = 'pass"w\\örd'
    recorder = RecordingTransport(platform.transport, secrets=[secret])
    params = json.dumps({"password": secret}, ensure_ascii=ascii).encode()
    await recorder.submit(evolve(platform.job, extra={f"by {secret}": 1}), params, key="k")

    (entry,) = recorder.tape.entries
    arguments: Any = entry.arguments
    assert list(recorder.tape.payloads.values()) == [b'{"password": "[removed]"}']
    assert decode(arguments["spec"], {}).extra == {"by [removed]": 1}


async def test_a_recording_has_nothing_of_private_jobs_but_digests(platform: "Platform") -> None:
    recorder = RecordingTransport(platform.transport)
    job = await recorder.submit(evolve(platform.job, private=True), b'"mine"', key="k")
    platform.executor.finish(job.id, result=b'"mine too"')
    await recorder.wait_job(job.id, timeout=None)
    given = await recorder.result(job.id)

    assert given == b'"mine too"'
    assert recorder.tape.payloads == {}


async def test_payloads_are_kept_once_under_their_digest(platform: "Platform") -> None:
    recorder = RecordingTransport(platform.transport)
    for key in "abc":
        await recorder.submit(platform.job, b'{"big": 1}', key=key)

    assert list(recorder.tape.payloads.values()) == [b'{"big": 1}']


async def test_payloads_can_be_left_out(platform: "Platform") -> None:
    recorder = RecordingTransport(platform.transport, keep_payloads=False)
    job = await recorder.submit(platform.job, b'{"big": 1}', key="k")
    await recorder.params(job.id)
    replay = ReplayTransport(recorder.tape)

    assert recorder.tape.payloads == {}
    assert await replay.params(job.id) == b"{}"


async def test_answers_to_the_same_question_come_in_their_order_and_the_last_one_stays(
    platform: "Platform",
) -> None:
    recorder = RecordingTransport(platform.transport)
    job = await recorder.submit(platform.job, b"{}", key="k")
    await recorder.job(job.id)
    await recorder.cancel_job(job.id)
    await recorder.job(job.id)
    replay = ReplayTransport(recorder.tape)

    states = [(await replay.job(job.id)).state for _ in range(3)]

    assert states == [JobState.RUNNING, JobState.CANCELLED, JobState.CANCELLED]


async def test_a_call_that_was_not_recorded_is_refused_with_its_arguments(
    platform: "Platform",
) -> None:
    replay = ReplayTransport(RecordingTransport(platform.transport).tape)

    with pytest.raises(TransportError, match=r"job was not recorded.*'job_id': 'nope'"):
        await replay.job("nope")


async def test_a_closed_replay_says_so(platform: "Platform") -> None:
    replay = ReplayTransport(RecordingTransport(platform.transport).tape)
    await replay.aclose()

    with pytest.raises(ClosedError):
        await replay.usage()


@pytest.mark.parametrize("text", ["", "[]", "nonsense", '{"swqr-tape": 2}'])
def test_what_is_no_tape_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="tape"):
        Tape.loads(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(extra=st.dictionaries(st.text(), JSON))
def test_a_platform_s_own_fields_come_back_from_a_tape(extra: dict[str, Any]) -> None:
    written = json.loads(json.dumps(encode(extra)))

    assert decode(written, {}) == extra


@given(text=st.text(st.characters()))
@example("one\u2028two\x85three, half a pair: \ud800")
def test_a_tape_is_one_line_for_each_call_whatever_was_said(text: str) -> None:
    tape = Tape(Capabilities(transport="t"), Principal())
    tape.entries.append(TapeEntry(method="logs", arguments={"job_id": text}, answer=text))
    written = tape.dumps()

    assert Tape.loads(written) == tape
    assert len(written.encode().splitlines()) == 2


@given(data=st.binary())
def test_a_payload_without_secrets_is_the_same_byte_by_byte(data: bytes) -> None:
    assert Scrubber().scrub_bytes(data) == data
