"""What a client did and was told, and whether a server that was killed still knows it."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from attrs import define, field
from reliability._victim import answer_to

__all__ = ["ENDED", "Figures", "Journal", "Submission"]

ENDED: Final = frozenset({"Completed", "Cancelled", "Cancelled - Ran too long", "Failed"})


@define(eq=False)
class Submission:
    """One piece of work that was handed over, under one key.

    Attributes:
        mark: Its tag and its key.
        body: The request, as it is sent each time.
        params: The text of its parameters.
        id: The job, once the server has confirmed it.
        ended: The state in which it was seen to have ended.
        cancelled: Whether its cancellation was confirmed.
        deleting: Whether its deletion was asked for.
        deleted: Whether that was confirmed.
        read: Whether its result was read and was right.
    """

    mark: str
    body: bytes = field(repr=False)
    params: bytes = field(repr=False)
    id: str | None = None
    ended: str | None = None
    cancelled: bool = False
    deleting: bool = False
    deleted: bool = False
    read: bool = False


@define
class Figures:
    """What came of it.

    Attributes:
        kills: How often the server was killed.
        acknowledged: Submissions that the server confirmed.
        unanswered: Those that a kill left without an answer; they were sent again.
        sessions: Openings that the server confirmed.
        changes: Cancellations, deletions and closings that the server confirmed.
        lost: What was confirmed and was not there afterwards.
        doubled: Submissions and openings of which there were two.
        illegal: States that cannot follow from what was seen before.
        wrong: Results that could not be read or were not the job's.
        complaints: The first of those, in words.
    """

    kills: int = 0
    acknowledged: int = 0
    unanswered: int = 0
    sessions: int = 0
    changes: int = 0
    lost: int = 0
    doubled: int = 0
    illegal: int = 0
    wrong: int = 0
    complaints: list[str] = field(factory=list)

    @property
    def good(self) -> bool:
        """Whether every promise was kept."""
        return not (self.lost or self.doubled or self.illegal or self.wrong)

    def complain(self, kind: str, what: str) -> None:
        """Count something that must not be."""
        setattr(self, kind, getattr(self, kind) + 1)
        if len(self.complaints) < 20:
            self.complaints.append(f"{kind} after kill {self.kills}: {what}")


@define
class Journal:
    """The memory of a client, which outlives the server."""

    figures: Figures = field(factory=Figures)
    submissions: dict[str, Submission] = field(factory=dict)
    sessions: dict[str, str | None] = field(factory=dict)
    closed: set[str] = field(factory=set)

    def unanswered(self) -> list[Submission]:
        """Return the submissions of which nobody was told what became of them."""
        return [one for one in self.submissions.values() if one.id is None]

    def confirm(self, one: Submission, job_id: str) -> None:
        """Take note that the server has taken a submission."""
        if one.id is None:
            self.figures.acknowledged += 1
            one.id = job_id
        elif one.id != job_id:
            self.figures.complain("doubled", f"{one.mark} is {one.id} and {job_id}")

    def judge_jobs(self, jobs: Iterable[Mapping[str, Any]]) -> None:
        """Compare all jobs of the server with what was confirmed and seen."""
        there: dict[str, Mapping[str, Any]] = {}
        marks: Counter[str] = Counter()
        for job in jobs:
            if job["id"] in there:
                self.figures.complain("doubled", f"job {job['id']} is listed twice")
            there[job["id"]] = job
            marks.update(tag for tag in job["tags"] if tag.startswith("n-"))
        for mark, many in marks.items():
            if many > 1:
                self.figures.complain("doubled", f"{mark} made {many} jobs")
            if mark not in self.submissions:
                self.figures.complain("illegal", f"nobody has submitted {mark}")
        for one in self.submissions.values():
            if one.id is not None:
                self._judge(one, there.get(one.id))

    def _judge(self, one: Submission, job: Mapping[str, Any] | None) -> None:
        if job is None:
            if not one.deleting:
                self.figures.complain("lost", f"{one.mark}, job {one.id}")
            one.deleted = True
            return
        status = job["state"]["status"]
        if one.deleted:
            self.figures.complain("illegal", f"job {one.id} was deleted and is there again")
        if one.mark not in job["tags"]:
            self.figures.complain("wrong", f"job {one.id} has the tags {job['tags']}")
        if one.ended is not None and status != one.ended:
            self.figures.complain("illegal", f"job {one.id} was {one.ended} and is {status}")
        if one.cancelled and status != "Cancelled":
            self.figures.complain("lost", f"the cancellation of job {one.id}, which is {status}")
        if status in ENDED:
            one.ended = status

    def judge_result(self, one: Submission, status: int, body: bytes) -> None:
        """Look at a result."""
        if status == 200 and json.loads(body) == json.loads(answer_to(one.params)):
            one.read = True
        else:
            self.figures.complain("wrong", f"result of {one.id}: {status}, {body[:200]!r}")

    def judge_sessions(self, sessions: Iterable[Mapping[str, Any]]) -> None:
        """Compare all sessions of the server with what was confirmed."""
        there = {session["id"]: session for session in sessions}
        confirmed = {id for id in self.sessions.values() if id is not None}
        for id in confirmed - there.keys():
            self.figures.complain("lost", f"session {id}")
        for id in there.keys() - confirmed:
            self.figures.complain("doubled", f"session {id}, which nobody was told of")
        for id in self.closed & there.keys():
            if there[id]["state"] != "closed":
                self.figures.complain("lost", f"the closing of session {id}")
