"""The tables, pair by pair: each is a row, or a refusal that changes nothing."""

from collections.abc import Mapping
from enum import StrEnum
from itertools import product
from pathlib import Path
from typing import TypeVar

import pytest

from swqr_core.errors import IllegalTransitionError
from swqr_core.lifecycle import job, session
from swqr_core.lifecycle.diagram import mermaid, rows
from swqr_core.lifecycle.job import JobEvent, JobState
from swqr_core.lifecycle.session import REASONS, SessionEvent, SessionState

PAGE = Path(__file__).parents[3] / "docs" / "lifecycle.md"


@pytest.mark.parametrize(("state", "event"), list(product(SessionState, SessionEvent)))
def test_each_pair_of_a_session_is_a_row_or_a_refusal(
    state: SessionState, event: SessionEvent
) -> None:
    row = session.TRANSITIONS.get((state, event))
    if row is not None:
        assert session.advance(state, event, session_id="s") is row
        return
    with pytest.raises(IllegalTransitionError) as refusal:
        session.advance(state, event, session_id="s")

    allowed = {e.value for s, e in session.TRANSITIONS if s is state}
    assert (refusal.value.id, refusal.value.state, refusal.value.event) == ("s", state, event)
    assert set(refusal.value.allowed) == allowed


@pytest.mark.parametrize(("state", "event"), list(product(JobState, JobEvent)))
def test_each_pair_of_a_job_is_a_row_or_a_refusal(state: JobState, event: JobEvent) -> None:
    row = job.TRANSITIONS.get((state, event))
    if row is not None:
        assert job.advance(state, event, job_id="j") is row
        return
    with pytest.raises(IllegalTransitionError) as refusal:
        job.advance(state, event, job_id="j")

    assert (refusal.value.id, refusal.value.state, refusal.value.event) == ("j", state, event)


S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=StrEnum)


def reached(transitions: Mapping[tuple[S, E], S], start: S) -> set[S]:
    found = {start}
    while True:
        more = {target for (source, _), target in transitions.items() if source in found} - found
        if not more:
            return found
        found |= more


@pytest.mark.parametrize("state", SessionState)
def test_closed_is_reachable_from_every_state(state: SessionState) -> None:
    assert SessionState.CLOSED in reached(session.TRANSITIONS, state)


def test_every_session_state_is_reachable_from_open() -> None:
    assert reached(session.TRANSITIONS, SessionState.OPEN) == set(SessionState)


def test_every_job_state_is_reachable_from_queued() -> None:
    assert reached(job.TRANSITIONS, JobState.QUEUED) == set(JobState)


def test_a_closed_session_stays_closed() -> None:
    assert reached(session.TRANSITIONS, SessionState.CLOSED) == {SessionState.CLOSED}


@pytest.mark.parametrize("state", [state for state in JobState if state.ended])
def test_nothing_happens_to_an_ended_job(state: JobState) -> None:
    assert not [event for source, event in job.TRANSITIONS if source is state]


@pytest.mark.parametrize("event", [SessionEvent.DRAIN, SessionEvent.DRAIN_EMPTY])
def test_draining_a_closed_session_is_no_error(event: SessionEvent) -> None:
    after = session.advance(SessionState.CLOSED, event, session_id="s")

    assert after is SessionState.CLOSED


@pytest.mark.parametrize("state", SessionState)
def test_every_session_can_be_cancelled(state: SessionState) -> None:
    after = session.advance(state, SessionEvent.CANCEL, session_id="s")

    assert after is SessionState.CLOSED


def test_every_event_has_a_reason_of_its_own() -> None:
    assert len(set(REASONS.values())) == len(REASONS) == len(SessionEvent)


def test_arrows_show_every_row_once() -> None:
    shown = [(s, e) for s, _, events in rows(session.TRANSITIONS) for e in events]

    assert sorted(shown) == sorted(session.TRANSITIONS)


@pytest.mark.parametrize(
    "diagram",
    [
        mermaid(session.TRANSITIONS, first=SessionState.OPEN),
        mermaid(job.TRANSITIONS, first=JobState.QUEUED),
    ],
    ids=["session", "job"],
)
def test_the_page_shows_the_diagram_drawn_from_the_table(diagram: str) -> None:
    assert diagram in PAGE.read_text(encoding="utf-8")
