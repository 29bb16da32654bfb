"""Sessions and batches."""

from typing import Any

from attrs import evolve

from swqr_adapters.remote.calls import segment
from swqr_adapters.remote.evidence import session_evidence
from swqr_adapters.wire.ibm import Workload, load, parse_session, session_opening
from swqr_adapters.wire.ibm.extension import IDEMPOTENCY_KEY
from swqr_core.errors import OutcomeUnknownError, ProtocolError, SessionNotFoundError
from swqr_core.model.ids import check_key
from swqr_core.model.query import Page, SessionQuery
from swqr_core.model.session import Session, SessionMode, SessionSpec

from .bound import IbmBound, check_id
from .refusals import NAME
from .workloads import list_sessions

__all__ = ["SessionCalls"]


class SessionCalls(IbmBound):
    """The port ``SessionPort``. An opening that is not answered is not repeated without a key."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._sessions = session_evidence(NAME)

    async def open_session(self, spec: SessionSpec, *, key: str) -> Session:
        """Open a session or batch; see ``SessionPort.open_session``."""
        batch = spec.mode is SessionMode.BATCH
        self._need("batches" if batch else "dedicated_sessions", f"sessions of mode {spec.mode}")
        if spec.interactive_ttl is not None or spec.active_ttl is not None:
            self._need("custom_ttls", "interactive_ttl and active_ttl")
        check_key(key)
        keys = self._capabilities.idempotent_open
        asked = self._sessions.asked()
        response = await self._api.call(
            "POST",
            "/sessions",
            self._command("open_session", key, backend=spec.backend),
            json=session_opening(spec),
            headers={IDEMPOTENCY_KEY: key} if keys else {},
            idempotent=keys,
        )
        try:
            # The older interface answers with an id and no more.
            told = {"mode": spec.mode.value, **load(response.body, "opened session")}
            session = self._whole_session(parse_session(told))
        except ProtocolError as error:
            raise OutcomeUnknownError(NAME, "open_session", key) from error
        if session.created_at is None:
            session = evolve(session, created_at=self._api.date_of(response))
        if session.backend is None:
            session = evolve(session, backend=spec.backend)
        return self._sessions.take(session, asked)

    def _whole_session(self, session: Session) -> Session:
        return evolve(session, instance=session.instance or self._principal.instance)

    async def session(self, session_id: str) -> Session:
        """Return one session as it is now."""
        asked = self._sessions.asked()
        response = await self._api.call(
            "GET",
            f"/sessions/{segment(session_id, SessionNotFoundError)}",
            self._errand("read a session", session=session_id),
        )
        document = load(response.body, f"session {session_id!r}")
        check_id(document, session_id)
        session = parse_session(document)
        return self._sessions.take(self._whole_session(session), asked)

    async def sessions(self, query: SessionQuery) -> Page[Session]:
        """Return a page of sessions and batches; see ``list_sessions``."""
        self._need("session_listing", "lists of sessions")
        return await list_sessions(self._api, query, self)

    async def whole(self, workload: Workload) -> Session:
        """Return the session that a workload stands for."""
        if workload.session is None:
            return await self.session(workload.id)
        asked = self._sessions.asked()
        return self._sessions.take(self._whole_session(workload.session), asked)

    async def drain_session(self, session_id: str) -> None:
        """Let it take no new jobs."""
        await self._api.call(
            "PATCH",
            f"/sessions/{segment(session_id, SessionNotFoundError)}",
            self._command("drain_session", session_id, session=session_id),
            json={"accepting_jobs": False},
            idempotent=True,
        )

    async def cancel_session(self, session_id: str) -> None:
        """Close it now."""
        self._need("cancel_sessions", "cancelling sessions")
        await self._api.call(
            "DELETE",
            f"/sessions/{segment(session_id, SessionNotFoundError)}/close",
            self._command("cancel_session", session_id, session=session_id),
        )
