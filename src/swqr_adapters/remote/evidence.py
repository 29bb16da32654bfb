"""What was seen of jobs and sessions, against which every new answer is held.

A snapshot is one look at a life that goes one way. What may be seen after what follows from the
lifecycle tables: any state that can be reached. An answer that says otherwise breaks the
platform's own rules, unless it was on its way while the other one came in.
"""

from collections import OrderedDict
from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Generic, TypeVar

from attrs import define

from swqr_core.errors import ProtocolError
from swqr_core.lifecycle.job import TRANSITIONS as JOB_TRANSITIONS
from swqr_core.lifecycle.session import TRANSITIONS as SESSION_TRANSITIONS
from swqr_core.model.job import Job
from swqr_core.model.session import Session

__all__ = ["Evidence", "job_evidence", "session_evidence"]

S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=StrEnum)
T = TypeVar("T", Job, Session)


def _reachable(transitions: Mapping[tuple[S, E], S]) -> dict[S, frozenset[S]]:
    """Return what can follow each state, itself included."""
    states = {state for state, _ in transitions} | set(transitions.values())
    found = {state: {state} for state in states}
    for _ in states:
        for (before, _), after in transitions.items():
            found[before] |= found[after]
    return {state: frozenset(after) for state, after in found.items()}


_JOBS: Final = _reachable(JOB_TRANSITIONS)
_SESSIONS: Final = _reachable(SESSION_TRANSITIONS)


@define
class _Seen(Generic[T]):
    snapshot: T
    answered: int


class Evidence(Generic[T]):
    """The latest snapshot of each of the latest *size* things.

    Args:
        name: The transport's name.
        noun: ``job`` or ``session``.
        reachable: Which states can be seen after which.
        size: How many things to remember.
    """

    def __init__(
        self,
        name: str,
        noun: str,
        reachable: Mapping[StrEnum, frozenset[StrEnum]],
        size: int = 5_000,
    ) -> None:
        self._name = name
        self._noun = noun
        self._reachable = reachable
        self._size = size
        self._seen: OrderedDict[str, _Seen[T]] = OrderedDict()
        self._now = 0

    def asked(self) -> int:
        """Return a mark for the moment of asking; give it back with the answer."""
        return self._now

    def latest(self, id: str) -> T | None:
        """Return what was last seen, or None."""
        seen = self._seen.get(id)
        return None if seen is None else seen.snapshot

    def forget(self, id: str) -> None:
        """Forget a thing that was deleted."""
        self._seen.pop(id, None)

    def take(self, snapshot: T, asked: int) -> T:
        """Hold a snapshot against what was seen, remember it, and return what is true now.

        Args:
            snapshot: The answer.
            asked: The mark from when it was asked for.

        Raises:
            ProtocolError: It cannot follow what was seen before it was asked for.
        """
        self._now += 1
        seen = self._seen.get(snapshot.id)
        if seen is not None:
            possible: frozenset[StrEnum] = self._reachable[seen.snapshot.state]
            if snapshot.state not in possible:
                if seen.answered > asked:
                    return seen.snapshot  # this answer is the older one
                raise ProtocolError(
                    self._name,
                    f"{self._noun} {snapshot.id!r} was {seen.snapshot.state} and cannot be "
                    f"{snapshot.state} now",
                    before=repr(seen.snapshot),
                    after=repr(snapshot),
                )
        self._seen[snapshot.id] = _Seen(snapshot, self._now)
        self._seen.move_to_end(snapshot.id)
        while len(self._seen) > self._size:
            self._seen.popitem(last=False)
        return snapshot


def job_evidence(name: str, size: int = 5_000) -> Evidence[Job]:
    """Return an empty memory of jobs."""
    return Evidence(name, "job", _JOBS, size)  # type: ignore[arg-type] # states by their own type


def session_evidence(name: str, size: int = 5_000) -> Evidence[Session]:
    """Return an empty memory of sessions."""
    return Evidence(name, "session", _SESSIONS, size)  # type: ignore[arg-type] # states by their own type
