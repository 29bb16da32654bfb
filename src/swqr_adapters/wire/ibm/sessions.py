"""Sessions and batches: ``/sessions``, and ``/workloads``, which lists them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from swqr_core.lifecycle.session import SessionState
from swqr_core.model.ids import BackendName, InstanceId, SessionId
from swqr_core.model.session import Session, SessionMode, SessionSpec, SessionStep

from .extension import MEMBER
from .values import Document, Reader, broken, reading, timestamp, without_none

__all__ = [
    "SESSION_STATES",
    "parse_session",
    "session_document",
    "session_opening",
]

SESSION_STATES: Final[Mapping[SessionState, str]] = MappingProxyType(
    {
        SessionState.OPEN: "open",
        SessionState.BUSY: "active",
        SessionState.IDLE: "active",
        SessionState.INACTIVE: "inactive",
        SessionState.DRAINING: "active",
        SessionState.CLOSED: "closed",
    }
)
"""``state`` of a session; ``accepting_jobs`` tells draining from busy and idle."""

_WORDS: Final[Mapping[str, SessionState]] = MappingProxyType(
    {
        "open": SessionState.OPEN,
        "active": SessionState.BUSY,
        "inactive": SessionState.INACTIVE,
        "closed": SessionState.CLOSED,
        # Older words, and transient ones that the official client knows.
        "canceled": SessionState.CLOSED,
        "pending_inactive": SessionState.IDLE,
        "pending_closed": SessionState.DRAINING,
    }
)
_KNOWN: Final = frozenset(
    {
        "accepting_jobs", "activated_at", "active_ttl", "backend_name", "closed_at", "created_at",
        "elapsed_time", "id", "interactive_ttl", "last_job_completed", "last_job_started",
        "max_ttl", "mode", "started_at", "state", "state_reason", MEMBER, "timestamps", "user_id",
    }
)  # fmt: skip


# --- what a server writes ----------------------------------------------------------------------


def session_document(session: Session, *, extended: bool = False) -> dict[str, Any]:
    """Return a session or batch (REST: ``GET /sessions/{id}``).

    Args:
        session: The session.
        extended: Whether to say what only a client of ours reads.
    """
    document = {
        **session.extra,
        "id": session.id,
        "backend_name": session.backend,
        "mode": str(session.mode),
        "state": SESSION_STATES[session.state],
        "state_reason": session.reason,
        "accepting_jobs": session.accepting_jobs,
        "max_ttl": session.max_ttl,
        "interactive_ttl": session.interactive_ttl,
        "active_ttl": session.active_ttl,
        "created_at": timestamp(session.created_at),
        "started_at": timestamp(session.started_at),
        "activated_at": timestamp(session.activated_at),
        "closed_at": timestamp(session.closed_at),
        "last_job_started": timestamp(session.last_job_started_at),
        "last_job_completed": timestamp(session.last_job_ended_at),
        "timestamps": _timestamps(session),
        "user_id": session.user,
        "elapsed_time": session.usage_seconds,
    }
    if extended:
        document[MEMBER] = {
            "state": session.state.value,
            "instance": session.instance,
            "steps": [[s.state.value, timestamp(s.at), s.reason] for s in session.steps],
        }
    return document


def _timestamps(session: Session) -> list[dict[str, Any]]:
    """Return one entry for each change of the word that REST has for the state."""
    entries: list[dict[str, Any]] = []
    for step in session.steps:
        word = SESSION_STATES[step.state]
        if not entries or entries[-1]["status"] != word:
            entries.append({"status": word, "timestamp": timestamp(step.at)})
    return entries


# --- what a client reads -----------------------------------------------------------------------


@reading
def parse_session(document: object) -> Session:
    """Read a session or batch.

    Raises:
        ProtocolError: It has no id or mode, its state is a word that no source names, or a field
            has a wrong type.
    """
    read = Reader(document, "session")
    session_id = read.text("id")
    read.name = f"session {session_id!r}"
    ours = Reader(read.object(MEMBER), f"{read.name} {MEMBER}")
    steps = _parse_steps(read, ours)
    backend, instance = read.text_or_none("backend_name"), ours.text_or_none("instance")
    accepting = read.flag("accepting_jobs", default=True)
    return Session(
        id=SessionId(session_id),
        backend=BackendName(backend) if backend else None,
        mode=_parse_mode(read),
        state=_parse_state(read, ours, accepting=accepting),
        accepting_jobs=accepting,
        created_at=read.time("created_at") or (steps[0].at if steps else None),
        reason=read.text_or_none("state_reason"),
        max_ttl=read.integer("max_ttl"),
        interactive_ttl=read.integer("interactive_ttl"),
        active_ttl=read.integer("active_ttl"),
        started_at=read.time("started_at"),
        activated_at=read.time("activated_at"),
        closed_at=read.time("closed_at"),
        last_job_started_at=read.time("last_job_started"),
        last_job_ended_at=read.time("last_job_completed"),
        usage_seconds=read.number("elapsed_time"),
        steps=steps,
        user=read.text_or_none("user_id"),
        instance=None if instance is None else InstanceId(instance),
        extra=read.beyond(_KNOWN),
    )


def _parse_mode(read: Reader) -> SessionMode:
    try:
        return SessionMode(read.text("mode"))
    except ValueError:
        raise broken(read.name, "'mode' must be dedicated or batch", read.document) from None


def _parse_state(read: Reader, ours: Reader, *, accepting: bool) -> SessionState:
    told = ours.text_or_none("state")
    if told in set(SessionState):
        return SessionState(told)
    word = read.text_or_none("state") or "open"
    state = _WORDS.get(word.lower())
    if state is None:
        raise broken(read.name, f"nobody knows the state {word!r}", read.document)
    if state is SessionState.CLOSED:
        return state
    if not accepting:
        return SessionState.DRAINING
    if state is SessionState.BUSY:
        started, ended = read.time("last_job_started"), read.time("last_job_completed")
        idle = ended is not None and (started is None or ended >= started)
        return SessionState.IDLE if idle else SessionState.BUSY
    return state


def _parse_steps(read: Reader, ours: Reader) -> tuple[SessionStep, ...]:
    if "steps" in ours.document:
        return tuple(_own_step(ours, entry) for entry in ours.items("steps"))
    if read.document.get("timestamps") is None:
        return ()
    return tuple(_step(read, entry) for entry in read.items("timestamps"))


def _own_step(ours: Reader, entry: object) -> SessionStep:
    match entry:
        case [str(state), str(at), (str() | None) as reason]:
            step = Reader({"at": at}, f"{ours.name} step")
            when = step.time("at")
            if state in set(SessionState) and when is not None:
                return SessionStep(SessionState(state), when, reason)
    raise broken(ours.name, "a step must have a state, a time and a reason", entry)


def _step(read: Reader, entry: object) -> SessionStep:
    step = Reader(entry, f"{read.name} timestamps")
    at = step.time("timestamp") or step.time("date")  # `date` in the older interface
    word = step.text("status").lower()
    if at is None:
        raise broken(step.name, "an entry must have a time", entry)
    return SessionStep(_WORDS.get(word, SessionState.BUSY), at)


# --- what a client sends -----------------------------------------------------------------------


def session_opening(spec: SessionSpec) -> Document:
    """Return the body of ``POST /sessions``."""
    return {
        **spec.extra,
        **without_none(
            {
                "mode": spec.mode.value,
                "backend": spec.backend,
                "max_ttl": spec.max_ttl,
                "interactive_ttl": spec.interactive_ttl,
                "active_ttl": spec.active_ttl,
            }
        ),
    }
