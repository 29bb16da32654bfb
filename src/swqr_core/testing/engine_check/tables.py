"""The lifecycle tables, pair by pair."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from attrs import frozen

from swqr_core.errors import IllegalTransitionError
from swqr_core.lifecycle import job as job_table
from swqr_core.lifecycle import session as session_table
from swqr_core.lifecycle.job import JobState
from swqr_core.lifecycle.session import SessionState
from swqr_core.testing.assertions import need_assertions

__all__ = ["Tables", "check_tables"]

S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=StrEnum)


@frozen(kw_only=True)
class Tables:
    """What was checked of the lifecycle tables.

    Attributes:
        rows: Pairs of a state and an event that have a row.
        refusals: Pairs that have none, and are refused.
    """

    rows: int
    refusals: int


def check_tables() -> Tables:
    """Check every pair of a state and an event, of sessions and of jobs.

    Raises:
        AssertionError: A pair is neither a row nor refused, a state cannot be reached or left, or
            something leads out of an end.
        ConfigurationError: Assertions are left out here.
    """
    need_assertions()
    sessions = _check_table(
        session_table.TRANSITIONS,
        lambda state, event: session_table.advance(state, event, session_id="s"),
        SessionState,
        session_table.SessionEvent,
        ends={SessionState.CLOSED},
    )
    jobs = _check_table(
        job_table.TRANSITIONS,
        lambda state, event: job_table.advance(state, event, job_id="j"),
        JobState,
        job_table.JobEvent,
        ends={state for state in JobState if state.ended},
    )
    assert set(session_table.REASONS) == set(session_table.SessionEvent)
    return Tables(rows=sessions.rows + jobs.rows, refusals=sessions.refusals + jobs.refusals)


def _check_table(
    transitions: Mapping[tuple[S, E], S],
    advance: Callable[[S, E], S],
    states: type[S],
    events: type[E],
    *,
    ends: set[S],
) -> Tables:
    for state in states:
        for event in events:
            row = transitions.get((state, event))
            try:
                following: S | None = advance(state, event)
            except IllegalTransitionError:
                following = None
            assert following is row, f"{state}, {event}: {following} instead of {row}"
    reached = _reachable(transitions, next(iter(states)))
    assert reached == set(states), f"never entered: {set(states) - reached}"
    for state in states:
        after = _reachable(transitions, state)
        assert after & ends, f"nothing leads from {state} to an end"
        assert state not in ends or after == {state}, f"{state} is an end, and is left"
    pairs = len(states) * len(events)
    return Tables(rows=len(transitions), refusals=pairs - len(transitions))


def _reachable(transitions: Mapping[tuple[S, Any], S], state: S) -> set[S]:
    reached, left = {state}, [state]
    while left:
        here = left.pop()
        for (source, _), target in transitions.items():
            if source is here and target not in reached:
                reached.add(target)
                left.append(target)
    return reached
