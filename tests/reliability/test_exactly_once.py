"""Small doses of ``python -m reliability.exactly_once``, on seeds in which every fault comes."""

import pytest
from attrs import evolve
from reliability._tally import Tally
from reliability._weather import Act, Kind
from reliability._worlds import OFFICIAL, RUNS, Run
from reliability.exactly_once import promises, run_world

NAMES = ("A", "B", "C", "C, our server")
A, B, C, C_OURS = (next(run for run in RUNS if run.name == name) for name in NAMES)
SUBMISSIONS = 120
FEWER = 40  # several requests for each
SPEED = 1000.0


async def tally_of(run: Run, seed: int) -> Tally:
    return (await run_world(run, SUBMISSIONS, seed, speed=SPEED))[Kind.JOB]


@pytest.mark.parametrize("run", [A, B], ids=lambda run: run.name)
@pytest.mark.parametrize("seed", [1, 2])
async def test_nothing_is_lost_and_nothing_is_doubled(run: Run, seed: int) -> None:
    tally = await tally_of(run, seed)

    assert set(tally.faults) >= {act.value for act in run.acts}
    assert promises(run, tally) == dict.fromkeys(promises(run, tally), True)
    assert tally.acknowledged + tally.unknown + tally.refused == SUBMISSIONS


@pytest.mark.parametrize("run", [A, B], ids=lambda run: run.name)
async def test_no_opening_of_a_session_is_lost_or_doubled_or_left_untold(run: Run) -> None:
    tally = (await run_world(run, 0, 1, openings=SUBMISSIONS, speed=SPEED))[Kind.SESSION]

    assert set(tally.faults) >= {act.value for act in run.acts}
    assert promises(run, tally) == dict.fromkeys(promises(run, tally), True)
    assert tally.acknowledged + tally.unknown + tally.refused == SUBMISSIONS
    assert run is A or tally.unknown_done > 0  # open, and its caller was told that it may be


@pytest.mark.parametrize("run", [C, C_OURS], ids=lambda run: run.name)
async def test_neither_is_there_over_the_strangeworks_platform(run: Run) -> None:
    for tally in (await run_world(run, FEWER, 1, openings=FEWER)).values():
        assert promises(run, tally) == dict.fromkeys(promises(run, tally), True)
        assert tally.acknowledged + tally.unknown + tally.refused == FEWER
        assert tally.faults[Act.NOTHING] < sum(tally.faults.values()) / 1.3


async def test_most_lost_answers_are_found() -> None:
    tally = await tally_of(B, 3)

    assert tally.unknown_done < tally.faults[Act.LATE_REQUEST] + tally.faults[Act.FAIL_AFTER]


async def test_keys_that_do_not_arrive_are_noticed_as_doubled_jobs_and_sessions() -> None:
    run = evolve(A, honoured=False)

    for tally in (await run_world(run, FEWER, 1, openings=FEWER, speed=SPEED)).values():
        assert tally.doubled > 0
        assert not promises(A, tally)["nothing doubled"]


async def test_the_official_client_doubles_jobs_and_sessions_under_the_same_faults() -> None:
    tallies = await run_world(OFFICIAL, SUBMISSIONS, 1, openings=SUBMISSIONS, speed=SPEED)

    for tally in tallies.values():
        assert tally.doubled > 0
        assert tally.unknown_done > 0
