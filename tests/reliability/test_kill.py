"""Small doses of ``python -m reliability.kill``."""

from pathlib import Path

import pytest
from reliability._journal import Journal, Submission
from reliability.kill import run


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
async def test_a_server_that_is_killed_forgets_nothing_and_doubles_nothing(
    tmp_path: Path, seed: int
) -> None:
    figures = await run(2, seed, tmp_path / "store.db")

    assert figures.complaints == []
    assert figures.good
    assert figures.kills == 2


def listed(mark: str, id: str, status: str = "Completed") -> dict[str, object]:
    return {"id": id, "tags": [mark], "state": {"status": status}}


@pytest.fixture
def journal() -> Journal:
    one = Submission("n-0", b"", b"{}", id="job", ended="Completed")
    return Journal(submissions={"n-0": one}, sessions={"s-0": "session"})


@pytest.mark.parametrize(
    ("jobs", "kind"),
    [
        ([], "lost"),
        ([listed("n-0", "job"), listed("n-0", "other")], "doubled"),
        ([listed("n-0", "job"), listed("n-0", "job")], "doubled"),
        ([listed("n-0", "job", "Queued")], "illegal"),
        ([listed("n-9", "job")], "wrong"),
    ],
)
def test_the_journal_sees_what_a_server_did_wrong(
    journal: Journal, jobs: list[dict[str, object]], kind: str
) -> None:
    journal.judge_jobs(jobs)

    assert getattr(journal.figures, kind) > 0
    assert not journal.figures.good


def test_the_journal_sees_a_session_that_is_gone_and_one_too_many(journal: Journal) -> None:
    journal.judge_sessions([{"id": "other", "state": "open"}])

    assert (journal.figures.lost, journal.figures.doubled) == (1, 1)


def test_the_journal_sees_another_jobs_result(journal: Journal) -> None:
    journal.judge_result(journal.submissions["n-0"], 200, b'{"of": "another"}')

    assert journal.figures.wrong == 1
