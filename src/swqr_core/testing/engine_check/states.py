"""States of an engine: when two are one, and copies of one."""

import hashlib
import io
import pickle
from datetime import datetime, timedelta
from typing import Any, Final

from attrs import frozen

from swqr_core.engine.deadlines import Deadline
from swqr_core.engine.engine import Engine
from swqr_core.engine.inputs import FinishExecution
from swqr_core.engine.settings import Device, EngineSettings
from swqr_core.engine.state import EndedJob
from swqr_core.model.job import Job, JobSpec
from swqr_core.model.payload import Payload
from swqr_core.model.principal import Principal
from swqr_core.model.session import Session, SessionSpec, SessionStep
from swqr_core.testing.model import Rules

__all__ = ["Packed", "essence", "pack", "unpack"]

_NEVER_CHANGE: Final = frozenset(
    {
        datetime, timedelta, Device, EndedJob, EngineSettings, FinishExecution, Job, JobSpec,
        Payload, Principal, Rules, Session, SessionSpec, SessionStep,
    }
)  # fmt: skip


def essence(engine: Engine, now: datetime) -> bytes:
    """Return a digest of all that matters for what can follow: two states with the same are one.

    Sessions and jobs go by their places among those that are alive, and times by how far off they
    are. Of what is over only its number counts. What was charged is left out, for nothing follows
    from it: there is one instance, which has no limit, at the pace of real devices.
    """
    picture: dict[str, Any] = engine.picture()
    sessions, jobs = picture["sessions"], picture["jobs"]
    place = {name: number for names in (sessions, jobs) for number, name in enumerate(names)}
    session_of = {session["number"]: place[name] for name, session in sessions.items()}
    job_of = {job["seq"]: place[name] for name, job in jobs.items()}
    matters = (
        picture["opened"],
        picture["accepted"],
        [_device(device, place) for device in picture["devices"].values()],
        [_session(session, place, now) for session in sessions.values()],
        [_job(job, place, now) for job in jobs.values()],
        [
            (_from(now, at), kind, (job_of if kind == Deadline.JOB_DUE.name else session_of)[owner])
            for at, kind, owner in picture["deadlines"]
        ],
    )
    return hashlib.blake2b(repr(matters).encode(), digest_size=16).digest()


def _device(device: dict[str, Any], place: dict[str, int]) -> tuple[object, ...]:
    return (
        device["status"],
        place.get(device["holder"]),
        [place[session] for _, session in device["batches"]],
        [place[job] for line in device["lines"].values() for job in line],
    )


def _session(session: dict[str, Any], place: dict[str, int], now: datetime) -> tuple[object, ...]:
    is_active = session["active"]
    return (
        session["spec"].mode,
        session["state"],
        is_active,
        session["active_left"],
        [place[job] for job in session["queue"]],
        session["started_at"] is not None,
        _from(now, session["activated_at"]) if is_active else None,
        _from(now, session["charged_from"]),
    )


def _job(job: dict[str, Any], place: dict[str, int], now: datetime) -> tuple[object, ...]:
    outcome = job["outcome"]
    return (
        job["state"],
        place.get(job["session"]),
        _from(now, job["started_at"]),
        outcome and (outcome.status, outcome.quantum_seconds),
    )


def _from(now: datetime, at: datetime | None) -> timedelta | None:
    return None if at is None else at - now


# --- copies ------------------------------------------------------------------------------------


@frozen
class Packed:
    """What copies of a thing are made of.

    Attributes:
        changing: What each copy has of its own.
        shared: What never changes, and all copies share.
    """

    changing: bytes
    shared: list[object]


def pack(thing: object) -> Packed:
    """Take in a thing as it is now."""
    file = io.BytesIO()
    packer = _Packer(file)
    packer.dump(thing)
    return Packed(file.getvalue(), packer.shared)


def unpack(packed: Packed) -> Any:
    """Return a new copy."""
    return _Unpacker(packed).load()


class _Packer(pickle.Pickler):
    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self.shared: list[object] = []

    def persistent_id(self, obj: object) -> int | None:
        if type(obj) not in _NEVER_CHANGE:
            return None
        self.shared.append(obj)
        return len(self.shared) - 1


class _Unpacker(pickle.Unpickler):
    def __init__(self, packed: Packed) -> None:
        super().__init__(io.BytesIO(packed.changing))
        self._shared = packed.shared

    def persistent_load(self, number: int) -> object:
        return self._shared[number]
