"""Pictures of a session's life: what must be in them, not how they look."""

import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swqr_adapters.timeline import draw_timeline
from swqr_adapters.timeline.life import life_of
from swqr_core import Job, JobSpec, JobState, JobUsage, Session, SessionMode, SessionState
from swqr_core.model.ids import BackendName, JobId, ProgramId, SessionId
from swqr_core.model.session import SessionStep

START = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)
SVG = "{http://www.w3.org/2000/svg}"
S = SessionState


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def session(**changes: Any) -> Session:
    known: dict[str, Any] = {
        "id": SessionId("session-1"),
        "backend": BackendName("ibm_fez"),
        "mode": SessionMode.DEDICATED,
        "state": S.CLOSED,
        "accepting_jobs": False,
        "created_at": at(0),
        "started_at": at(10),
        "closed_at": at(100),
        "max_ttl": 80,
        "usage_seconds": 42.5,
        "steps": (
            SessionStep(S.OPEN, at(0)),
            SessionStep(S.BUSY, at(10)),
            SessionStep(S.IDLE, at(50)),
            SessionStep(S.CLOSED, at(100), "session_closed_by_max_ttl"),
        ),
    }
    return Session(**{**known, **changes})


def job(name: str, start: float, running: float | None, end: float | None, **more: Any) -> Job:
    ended = JobState.CANCELLED if running is None else JobState.COMPLETED
    return Job(
        id=JobId(name),
        spec=JobSpec(program_id=ProgramId("sampler"), backend=BackendName("ibm_fez")),
        state=more.pop("state", JobState.RUNNING if end is None else ended),
        created_at=at(start),
        running_at=None if running is None else at(running),
        ended_at=None if end is None else at(end),
        **more,
    )


def drawn(of: Session, *jobs: Job, now: float = 100) -> ET.Element:
    return ET.fromstring(draw_timeline(of, jobs, now=at(now)))


def looks(picture: ET.Element, tag: str, look: str) -> list[ET.Element]:
    return [one for one in picture.iter(f"{SVG}{tag}") if look in one.get("class", "").split()]


def notes(picture: ET.Element) -> str:
    return "\n".join(one.text or "" for one in picture.iter(f"{SVG}title"))


def test_every_job_has_a_bar_that_says_what_it_is() -> None:
    jobs = [job(f"job-{n}", n, n + 5, n + 20) for n in range(30)]

    bars = looks(drawn(session(), *jobs), "rect", "swqr-job")

    told = [bar.findtext(f"{SVG}title", "") for bar in bars]
    assert [note.partition(",")[0] for note in told] == [one.id for one in jobs]
    assert all("completed" in note for note in told)


def test_a_job_shows_how_long_it_waited_and_what_it_used() -> None:
    one = job("job-1", 0, 10, 40, usage=JobUsage(quantum_seconds=2.5, final=True))

    told = notes(drawn(session(), one))

    assert "job-1, sampler: completed; waited 10 s" in told
    assert "job-1, sampler: completed; 30 s, used 2.5 s" in told


def test_the_width_of_a_bar_is_the_time_it_took() -> None:
    picture = drawn(session(), job("a-short", 0, 10, 30), job("b-long", 0, 10, 70))

    short, long = (float(bar.get("width", 0)) for bar in looks(picture, "rect", "swqr-job"))
    assert long / short == pytest.approx(3, rel=0.01)


@st.composite
def lives(draw: st.DrawFn) -> tuple[Session, list[Job]]:
    moments = st.floats(0, 1000, allow_nan=False)
    told = sorted(draw(st.lists(moments, max_size=6)))
    states = [draw(st.sampled_from(S)) for _ in told]
    jobs = []
    for number in range(draw(st.integers(0, 12))):
        times = [draw(moments) for _ in range(3)]  # in any order: clocks of platforms differ
        running, end = draw(st.sampled_from([(1, 2), (None, 2), (1, None), (None, None)]))
        kind = JobState.QUEUED if (running, end) == (None, None) else None
        jobs.append(
            job(
                f"job-{number}",
                times[0],
                None if running is None else times[1],
                None if end is None else times[2],
                **({"state": kind} if kind else {}),
            )
        )
    of = session(
        state=draw(st.sampled_from(S)),
        created_at=draw(st.none() | st.just(at(3))),
        started_at=draw(st.none() | st.just(at(20))),
        closed_at=draw(st.none() | st.just(at(500))),
        steps=tuple(SessionStep(s, at(t)) for s, t in zip(states, told, strict=True)),
    )
    return of, jobs


@given(lives(), st.floats(0, 2000))
def test_the_states_cover_the_life_and_no_two_jobs_share_a_place(
    one: tuple[Session, list[Job]], now: float
) -> None:
    life = life_of(*one, now=at(now))

    assert (life.spans[0].start, life.spans[-1].end) == (life.start, life.end)
    assert all(before.end == after.start for before, after in pairwise(life.spans))
    assert len(life.bars) == len(one[1])
    for lane in range(life.lanes):
        bars = [bar for bar in life.bars if bar.lane == lane]
        assert all(before.end <= after.start for before, after in pairwise(bars))
    assert drawn(one[0], *one[1], now=now).tag == f"{SVG}svg"


def test_lanes_are_used_again() -> None:
    life = life_of(session(), [job(f"job-{n}", n, n, n + 1) for n in range(50)], now=at(100))

    assert life.lanes == 1


def test_a_limit_that_was_reached_is_a_line() -> None:
    picture = drawn(session())

    (line,) = looks(picture, "line", "swqr-limit")
    assert line.findtext(f"{SVG}title") == "max_ttl of 80 s ends 2026-01-31 09:01:30 UTC"


def test_a_limit_far_ahead_is_told_at_the_edge_and_leaves_the_rest_its_size() -> None:
    one = session(state=S.IDLE, closed_at=None, max_ttl=28_800, steps=session().steps[:3])

    picture = drawn(one, job("job-1", 0, 10, 50), now=60)

    assert looks(picture, "line", "swqr-limit") == []
    assert "max_ttl ends 2026-01-31 17:00:10 UTC →" in "".join(picture.itertext())
    assert float(looks(picture, "rect", "swqr-job")[0].get("width", 0)) > 300


def test_the_limits_of_an_idle_session_run_from_its_last_job_and_from_now() -> None:
    one = session(
        state=S.IDLE,
        closed_at=None,
        max_ttl=None,
        interactive_ttl=20,
        active_ttl=15,
        last_job_ended_at=at(50),
        steps=session().steps[:3],
    )

    told = notes(drawn(one, now=60))

    assert "interactive_ttl of 20 s ends 2026-01-31 09:01:10 UTC" in told
    assert "active_ttl of 15 s ends 2026-01-31 09:01:15 UTC" in told


def test_charged_time_is_the_platforms_or_else_the_jobs() -> None:
    used = [job(f"job-{n}", 0, 1, 2, usage=JobUsage(quantum_seconds=1.25)) for n in range(2)]

    assert "charged 42.5 s" in "".join(drawn(session(), *used).itertext())
    still_open = session(usage_seconds=None, state=S.BUSY)
    assert "jobs have used 2.5 s so far" in "".join(drawn(still_open, *used).itertext())


def test_why_a_state_was_entered_is_told() -> None:
    assert "closed from 2026-01-31 09:01:40 UTC, 0: session_closed_by_max_ttl" in notes(
        drawn(session())
    )


def test_a_platform_that_tells_no_steps_gets_the_states_that_are_certain() -> None:
    life = life_of(session(steps=()), [], now=at(100))

    assert [(span.state, span.start) for span in life.spans] == [
        (S.OPEN, at(0)), (None, at(10)), (S.CLOSED, at(100)),
    ]  # fmt: skip


def test_hostile_names_stay_text() -> None:
    evil = '"><script>alert(1)</script>&\x00\x1b[2J\u202e]]>'
    hostile = job(evil, 0, 10, 90, reason=evil)
    one = session(id=SessionId(evil), backend=BackendName(evil), reason=evil)

    picture = drawn(one, hostile)
    text = draw_timeline(one, [hostile], now=at(100))

    assert {element.tag.removeprefix(SVG) for element in picture.iter()} <= {
        "desc", "line", "rect", "style", "svg", "text", "title",
    }  # fmt: skip
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202a-\u202e]", text)
    assert "<script>alert(1)</script>&\N{REPLACEMENT CHARACTER}" in notes(picture)


def test_the_picture_stands_alone_and_speaks_to_those_who_do_not_see_it() -> None:
    text = draw_timeline(session(), [job("job-1", 0, 10, 40)], now=at(100))
    picture = ET.fromstring(text)

    assert picture.get("role") == "img"
    assert [child.tag for child in picture][:2] == [f"{SVG}title", f"{SVG}desc"]
    assert "jobs: 1 completed; max_ttl ends" in (picture.findtext(f"{SVG}desc") or "")
    assert "prefers-color-scheme:dark" in text
    assert text.count("http") == 1  # the namespace: nothing is loaded from anywhere
