"""Builds a cloud, and a view of it, from documents."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from swqr_core.errors import InvalidInputError
from swqr_core.lifecycle.session import SessionState
from swqr_core.model.ids import InstanceId, JobId, SessionId
from swqr_core.ports.storage import Document

from .cloud import Cloud, Owner
from .deadlines import Deadline
from .documents import (
    LAYOUTS,
    VERSION,
    AccountState,
    ChargesState,
    CloudState,
    DeviceState,
    KeyState,
    KnownJob,
    KnownSession,
)
from .kept import JobRecord
from .layouts import TIME
from .library import Shelved
from .state import LiveJob, LiveSession
from .view import View

__all__ = ["Restorer"]


class Restorer:
    """Builds a cloud, and a view of it, from documents.

    ``add`` them kind by kind, as ``KINDS`` has them, and within a kind in the order in which they
    were first made; then ``finish``.

    Args:
        cloud: An empty cloud.
        view: An empty view; None if none is wanted.
    """

    def __init__(self, cloud: Cloud, view: View | None) -> None:
        self._cloud, self._view = cloud, view
        self._holders: dict[str, SessionId] = {}
        self._add: dict[str, Callable[[str, Any], None]] = {
            "cloud": self._add_cloud,
            "device": self._add_device,
            "account": self._add_account,
            "charges": self._add_charges,
            "key": self._add_key,
            "program": self._add_program,
            "session": self._add_session,
            "job": self._add_job,
        }

    def add(self, document: Document) -> None:
        """Take in a document.

        Raises:
            InvalidInputError: It cannot be read, or names what is in no other document.
        """
        body = dict(document.body or {})
        version = body.pop("v", None)
        if version != VERSION or document.kind not in self._add:
            raise InvalidInputError(
                "document", f"of the kind {document.kind!r} has version {version!r}, unknown here"
            )
        state = LAYOUTS[document.kind].decode(body)
        try:
            self._add[document.kind](document.id, state)
        except KeyError as error:
            raise InvalidInputError(
                "document", f"{document.kind} {document.id!r} needs {error}, which is not there"
            ) from error

    def finish(self) -> None:
        """Let everything compete that waits for its turn."""
        for device, session_id in self._holders.items():
            found = self._cloud.sessions.get(session_id)
            self._cloud.devices[device].holder = found  # type: ignore[index]
        self._cloud.queue_up()

    def _add_cloud(self, _: str, state: CloudState) -> None:
        cloud = self._cloud
        cloud.now, cloud.opened, cloud.accepted = state.now, state.opened, state.accepted

    def _add_device(self, name: str, state: DeviceState) -> None:
        self._cloud.add_device(state.device, state.status, state.reason)
        if state.holder is not None:
            self._holders[name] = state.holder
        if self._view is not None:
            self._view.add_device(name, state.status, state.reason)

    def _add_account(self, id: str, state: AccountState) -> None:
        account = self._cloud.account(InstanceId(id))
        account.accepted = state.accepted
        self._cloud.add_usage(account, [(part.expires, part.amount) for part in state.parts])
        self._arm(Deadline.USAGE_FREED, account.number, account, state.usage_freed)

    def _add_charges(self, _: str, state: ChargesState) -> None:
        if self._view is not None:
            book = self._view.charges(InstanceId(state.instance))
            book.restore(state.first, [(each.at, each.seconds) for each in state.charges])

    def _add_key(self, _: str, state: KeyState) -> None:
        account = self._cloud.account(InstanceId(state.instance))
        keys: dict[str, tuple[str, Any]] = getattr(account, f"{state.what}_keys")
        keys[state.key] = (state.content, state.id)
        if self._view is not None and state.what == "job":
            self._view.add_key(account.id, state.key, JobId(state.id))

    def _add_program(self, _: str, state: Shelved) -> None:
        self._cloud.library.put(state)
        if self._view is not None:
            self._view.library.put(state)

    def _add_session(self, _: str, state: KnownSession) -> None:
        session, live = state.session, state.live
        if self._view is not None:
            self._view.add_session(
                session, state.active_ttl, state.active_since, state.active_before, state.charged
            )
        instance = session.instance or InstanceId("")
        if live is None:
            self._cloud.closed[session.id] = instance
            return
        spec = live.spec
        made = LiveSession(
            session.id,
            live.number,
            self._cloud.account(instance),
            self._cloud.devices[spec.backend],
            spec,
            timedelta(seconds=spec.max_ttl),
            timedelta(seconds=spec.interactive_ttl),
            live.active_left,
            state=session.state,
            active=live.active,
            started_at=live.started_at,
            activated_at=live.activated_at,
            charged_from=live.charged_from,
            busy_since=live.busy_since,
            busy=live.busy,
            used=live.used,
        )
        self._cloud.sessions[made.id] = made
        if made.started_at is not None and made.state is not SessionState.CLOSED:
            made.account.started[made.number] = made
        for kind, at in live.deadlines.items():
            self._arm(Deadline[kind], made.number, made, TIME.decode(at))

    def _add_job(self, _: str, state: KnownJob) -> None:
        job, live = state.job, state.live
        if self._view is not None:
            metrics = None if state.metrics is None else dict(state.metrics)
            record = JobRecord(job, state.number, state.logs, metrics)
            self._view.add_job(record, state.interim, state.pinned)
        account = self._cloud.account(job.instance or InstanceId(""))
        if live is None:
            waits = job.spec.private and job.result is not None
            self._cloud.ended[job.id] = account.ending(job.state, private_result=waits)
            return
        session_id = job.spec.session_id
        made = LiveJob(
            job.id,
            live.seq,
            account,
            self._cloud.devices[job.spec.backend],
            None if session_id is None else self._cloud.sessions[session_id],
            live.time_limit,
            job.spec.private,
            state=job.state,
            started_at=live.started_at,
            outcome=live.outcome,
        )
        self._cloud.add_job(made)
        self._arm(Deadline.JOB_DUE, made.seq, made, live.due)

    def _arm(self, kind: Deadline, number: int, owner: Owner, at: datetime | None) -> None:
        if at is not None:
            self._cloud.deadlines.arm(kind, number, owner, at)
