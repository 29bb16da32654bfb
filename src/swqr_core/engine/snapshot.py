"""Makes documents of what facts have changed, so that no older record is needed.

Only what has changed since the last time is described again.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, Final

from attrs import define, field

from swqr_core.model.ids import InstanceId, JobId, SessionId
from swqr_core.ports.storage import Document

from .cloud import Cloud
from .deadlines import Deadline
from .documents import (
    LAYOUTS,
    VERSION,
    AccountState,
    Charge,
    ChargesState,
    CloudState,
    DeviceState,
    KeyState,
    KnownJob,
    KnownSession,
    Part,
    QueueingJob,
    QueueingSession,
)
from .facts import (
    DeviceAdded,
    DeviceStatusSet,
    Fact,
    InstanceCharged,
    JobAccepted,
    ProgramAdded,
    ProgramChanged,
    ProgramDeleted,
    SessionOpened,
)
from .layouts import TIME
from .state import LiveSession
from .view import View

__all__ = ["Changes"]

_CHARGES: Final = 1_000  # in one document

_OF_SESSIONS: Final = (
    Deadline.MAX_TTL,
    Deadline.ACTIVE_TTL,
    Deadline.IDLE_OPEN,
    Deadline.INTERACTIVE_TTL,
)


@define
class Changes:
    """Which things facts have changed since documents were last made of them.

    Attributes:
        things: Their kinds and ids, in the order in which they were first changed.
        keys: What is to be written of keys, which never change.
    """

    things: dict[tuple[str, str], None] = field(factory=dict)
    keys: dict[str, KeyState] = field(factory=dict)

    def add(self, earlier: "Changes", view: View) -> None:
        """Take back what could not be written."""
        for kind, id in earlier.things:
            if kind == "charges":
                view.charges(InstanceId(id)).write_again()
        self.things = {**earlier.things, **self.things}
        self.keys = {**earlier.keys, **self.keys}

    def see(self, fact: Fact, view: View) -> None:
        """Take in a fact, before the view does."""
        things = self.things
        if isinstance(fact, DeviceAdded):
            things["device", fact.device.name] = None
        elif isinstance(fact, DeviceStatusSet):
            things["device", fact.name] = None
        elif isinstance(fact, InstanceCharged):
            things["account", fact.instance] = things["charges", fact.instance] = None
        elif isinstance(fact, ProgramAdded | ProgramChanged | ProgramDeleted):
            things["program", fact.program_id] = None
            if isinstance(fact, ProgramAdded):
                things["account", fact.principal.instance] = None
                self._key(fact.principal.instance, "program", fact, fact.program_id)
        elif isinstance(fact, SessionOpened):
            self._session(fact.session_id, fact.spec.backend, fact.principal.instance)
            self._key(fact.principal.instance, "session", fact, fact.session_id)
        elif isinstance(fact, JobAccepted):
            self._job(fact.job_id, fact.spec.backend, fact.spec.session_id)
            things["account", fact.principal.instance] = None
            self._key(fact.principal.instance, "job", fact, fact.job_id)
        elif hasattr(fact, "session_id"):
            session = view.session_record(fact.session_id).session
            self._session(session.id, session.backend, session.instance)
        else:
            job = view.by_id(fact.job_id)
            self._job(job.id, job.spec.backend, job.spec.session_id)
            things["account", job.instance or ""] = None

    def _session(self, id: SessionId, backend: str | None, instance: str | None) -> None:
        self.things["session", id] = self.things["device", backend or ""] = None
        self.things["account", instance or ""] = None

    def _job(self, id: JobId, backend: str, session_id: SessionId | None) -> None:
        self.things["job", id] = self.things["device", backend] = None
        if session_id is not None:
            self.things["session", session_id] = None

    def _key(self, instance: str, what: str, fact: Any, id: str) -> None:
        name = f"{what} {instance} {fact.key}"
        self.things["key", name] = None
        self.keys[name] = KeyState(
            instance=instance, what=what, key=fact.key, content=fact.content, id=id
        )

    def documents(self, cloud: Cloud, view: View) -> Iterator[Document]:
        """Yield the documents of all that has changed; one without a body is to be removed.

        Nothing may change the cloud or the view until the last one was taken.
        """
        scribe = _Scribe(cloud, view)
        if self.things:
            yield scribe.document("cloud", "")
        for kind, id in self.things:
            if kind == "key":
                yield _written(kind, id, self.keys[id])
            elif kind == "charges":
                yield from scribe.charges(InstanceId(id))
            else:
                yield scribe.document(kind, id)


def _written(kind: str, id: str, state: object | None) -> Document:
    body = None if state is None else {"v": VERSION, **LAYOUTS[kind].encode(state)}
    return Document(kind=kind, id=id, body=body)


class _Scribe:
    """Describes things as they are now."""

    def __init__(self, cloud: Cloud, view: View) -> None:
        self._cloud, self._view = cloud, view
        self._describe: dict[str, Callable[[Any], object | None]] = {
            "cloud": self._of_cloud,
            "device": self._of_device,
            "account": self._of_account,
            "program": view.library.get,
            "session": self._of_session,
            "job": self._of_job,
        }

    def document(self, kind: str, id: str) -> Document:
        return _written(kind, id, self._describe[kind](id))

    def _of_cloud(self, _: str) -> object:
        cloud = self._cloud
        return CloudState(now=cloud.now, opened=cloud.opened, accepted=cloud.accepted)

    def _of_device(self, name: Any) -> object | None:
        found = self._cloud.devices.get(name)
        if found is None:
            return None
        holder = None if found.holder is None else found.holder.id
        return DeviceState(
            device=found.device, status=found.status, reason=found.reason, holder=holder
        )

    def _of_account(self, id: Any) -> object | None:
        account = self._cloud.accounts.get(id)
        if account is None:
            return None
        parts = tuple(Part(expires=at, amount=amount) for at, amount in account.usage.parts)
        due = self._cloud.deadlines.of(Deadline.USAGE_FREED, account.number)
        return AccountState(accepted=account.accepted, parts=parts, usage_freed=due)

    def charges(self, instance: InstanceId) -> Iterator[Document]:
        book = self._view.charges(instance)
        window = timedelta(seconds=self._cloud.settings.usage_window_seconds)
        if self._cloud.now is not None:
            book.forget(self._cloud.now - window)
        oldest = book.first  # whoever asks for usage meanwhile makes the book forget more
        for number in range(book.oldest // _CHARGES, oldest // _CHARGES):
            yield _written("charges", f"{instance} {number}", None)
        book.oldest = oldest
        unsaved = max(book.saved, oldest)  # some may have ceased to count unsaved
        for number in range(unsaved // _CHARGES, (book.end - 1) // _CHARGES + 1):
            first = max(number * _CHARGES, book.first)
            some = book.between(first, max(first, (number + 1) * _CHARGES))
            state = ChargesState(
                instance=instance,
                first=first,
                charges=tuple(Charge(at=at, seconds=seconds) for at, seconds in some),
            )
            yield _written("charges", f"{instance} {number}", state)
        book.saved = book.end

    def _of_session(self, id: Any) -> object | None:
        record = self._view.session_record(id)
        live = self._cloud.sessions.get(id)
        return KnownSession(
            session=record.snapshot(),
            active_ttl=record.active_ttl,
            active_since=record.active_since,
            active_before=record.active_before,
            charged=record.charged,
            live=None if live is None else self._of_live_session(live),
        )

    def _of_live_session(self, live: LiveSession) -> QueueingSession:
        due = {kind.name: self._cloud.deadlines.of(kind, live.number) for kind in _OF_SESSIONS}
        return QueueingSession(
            number=live.number,
            spec=live.spec,
            active=live.active,
            active_left=live.active_left,
            started_at=live.started_at,
            activated_at=live.activated_at,
            charged_from=live.charged_from,
            busy_since=live.busy_since,
            busy=live.busy,
            used=live.used,
            deadlines={kind: TIME.encode(at) for kind, at in due.items() if at is not None},
        )

    def _of_job(self, id: Any) -> object | None:
        record = self._view.job_record(id)
        if record is None:
            return None
        live = self._cloud.jobs.get(id)
        return KnownJob(
            job=record.job,
            number=record.number,
            logs=record.logs,
            metrics=record.metrics,
            interim=tuple(self._view.interim(id)),
            pinned=self._view.pinned(id),
            live=None
            if live is None
            else QueueingJob(
                seq=live.seq,
                time_limit=live.time_limit,
                started_at=live.started_at,
                outcome=live.outcome,
                due=self._cloud.deadlines.of(Deadline.JOB_DUE, live.seq),
            ),
        )
