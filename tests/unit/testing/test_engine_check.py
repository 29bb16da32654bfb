# ruff: noqa: SLF001 - a mutant is a change inside
"""The exhaustive check: what it visits, and that it can fail."""

from types import MappingProxyType
from typing import Any

import pytest

from swqr_core.engine.cloud import Cloud
from swqr_core.engine.turn import Turn
from swqr_core.errors import InvalidInputError
from swqr_core.lifecycle import session as session_table
from swqr_core.lifecycle.job import JobEvent
from swqr_core.lifecycle.session import SessionEvent, SessionState
from swqr_core.testing.engine_check import check_engine, check_tables, main
from swqr_core.testing.engine_check.states import essence
from swqr_core.testing.engine_check.steps import steps
from swqr_core.testing.engine_check.world import begin, take


def test_the_tables_are_checked_pair_by_pair() -> None:
    checked = check_tables()

    states, events = len(SessionState), len(SessionEvent)
    assert checked.rows + checked.refusals == states * events + 6 * len(JobEvent)


def test_the_engine_agrees_with_the_model_in_every_history_up_to_the_bound() -> None:
    found = check_engine(4)

    assert (found.states, found.complete) == (305, False)
    assert found.refused > 0


def test_a_search_that_would_try_nothing_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="bound: must be 1 or more"):
        check_engine(0)
    with pytest.raises(SystemExit, match="2"):
        main(["--bound", "0"])


def test_a_small_world_can_be_seen_as_a_whole() -> None:
    found = check_engine(100, sessions=0, jobs=1)

    assert found.complete


@pytest.mark.slow
def test_with_two_sessions_and_two_jobs_no_history_is_left_out() -> None:
    found = check_engine(100, jobs=2)

    assert (found.states, found.complete) == (5_716, True)


def state_after(*names: str) -> bytes:
    """Return the state after a history, without what its sessions and jobs are called."""
    world = begin()
    for name in names:
        (step,) = [s for s in steps(world, 2, 3) if s.name == name]
        take(world, step)
    return essence(world.engine, world.at)


def test_states_that_differ_only_in_names_are_one() -> None:
    opened = "open batch s1", "open batch s2"

    assert state_after(*opened, "cancel s1") == state_after(*opened, "cancel s2")
    assert state_after("submit j1", "submit j2", "cancel j1") == state_after(
        "submit j1", "wait", "cancel j1", "submit j2"
    )


def test_states_in_which_other_things_can_follow_are_two() -> None:
    opened = "open batch s1", "open dedicated s2"

    assert state_after(*opened, "cancel s1") != state_after(*opened, "cancel s2")
    assert state_after(*opened, "submit j1 to s1") != state_after(*opened, "submit j1 to s2")
    assert state_after(*opened, "submit j1") != state_after(*opened, "submit j1", "cancel j1")
    assert state_after(*opened) != state_after(opened[0])


def test_the_command_says_how_much_it_has_seen(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["--bound", "2", "--jobs", "1"])

    shown = capsys.readouterr().out
    assert code == 0
    assert "states visited" in shown
    assert shown.endswith("up to 2 inputs\n")


@pytest.mark.parametrize(
    ("state", "event", "then"),
    [
        (SessionState.CLOSED, SessionEvent.DRAIN, SessionState.DRAINING),  # an end that is left
        (SessionState.OPEN, SessionEvent.START_JOB, SessionState.OPEN),  # harmless to the table
    ],
)
def test_a_table_with_a_wrong_row_is_caught(
    state: SessionState,
    event: SessionEvent,
    then: SessionState,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = {**session_table.TRANSITIONS, (state, event): then}
    monkeypatch.setattr(session_table, "TRANSITIONS", MappingProxyType(rows))

    with pytest.raises(AssertionError):
        main(["--bound", "3"])


def test_a_mistake_of_the_engine_is_told_with_its_history(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Turn, "cancel", lambda self, job: self.end(job, JobEvent.FAIL))

    with pytest.raises(AssertionError, match=r"j1: .*\n0 s: submit j1\n0 s: cancel j1"):
        check_engine(2)


def test_a_time_limit_that_is_off_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = Cloud._arm_interactive

    def late(self: Cloud, session: Any, at: Any) -> None:
        sound(self, session, at + session.interactive_ttl)

    monkeypatch.setattr(Cloud, "_arm_interactive", late)

    with pytest.raises(AssertionError, match="instead of"):
        check_engine(5, sessions=1, jobs=1)


def test_a_time_limit_that_was_not_set_is_caught_before_it_would_have_passed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Cloud, "_arm_idle_open", lambda self, session, at: None)

    with pytest.raises(AssertionError, match=r"due at .* instead of .*\n0 s: open \w+ s1$"):
        check_engine(2, sessions=1, jobs=1)
