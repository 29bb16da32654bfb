"""Sessions and batches: the platform opens, shows and closes them; servers of ours cancel too."""

from typing import Any

from attrs import evolve

from swqr_adapters.remote.evidence import session_evidence
from swqr_adapters.wire.ibm.extension import IDEMPOTENCY_KEY
from swqr_adapters.wire.strangeworks import (
    CANCEL_SESSION,
    CLOSE_SESSION,
    CREATE_SESSION,
    SESSION_DETAILS,
    parse_session_details,
    session_opening,
    session_request,
)
from swqr_adapters.wire.values import Document
from swqr_core.errors import (
    OutcomeUnknownError,
    ProtocolError,
    SessionClosedError,
    UnsupportedOperation,
)
from swqr_core.model.ids import check_key
from swqr_core.model.query import Page, SessionQuery
from swqr_core.model.session import Session, SessionMode, SessionSpec

from .bound import ResourceBound
from .refusals import NAME

__all__ = ["SessionCalls"]


class SessionCalls(ResourceBound):
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
        errand = self._command("open_session", key, backend=spec.backend)
        try:
            response = await self._api.operate(
                CREATE_SESSION,
                errand,
                session_opening(spec, channel=self._channel),
                idempotent=keys,
                headers={IDEMPOTENCY_KEY: key} if keys else {},
            )
            # All that is certain is an id.
            told = {"mode": spec.mode.value, **self._api.document(response, errand)}
            session = self._whole(told)
        except ProtocolError as error:  # an answer that cannot be read says as little as none
            raise OutcomeUnknownError(NAME, "open_session", key) from error
        return self._sessions.take(
            evolve(
                session,
                created_at=session.created_at or self._api.date_of(response),
                backend=session.backend or spec.backend,
                max_ttl=session.max_ttl or spec.max_ttl,
            ),
            asked,
        )

    def _whole(self, document: Document) -> Session:
        return evolve(parse_session_details(document), instance=self._principal.instance)

    async def session(self, session_id: str) -> Session:
        """Return one session as it is now."""
        asked = self._sessions.asked()
        errand = self._errand("read a session", session=session_id)
        document = await self._api.operation(SESSION_DETAILS, errand, session_request(session_id))
        session = self._whole(document)
        known = self._sessions.latest(session_id)
        if session.created_at is None and known is not None:
            session = evolve(session, created_at=known.created_at)
        return self._sessions.take(session, asked)

    async def sessions(self, query: SessionQuery) -> Page[Session]:  # noqa: ARG002 - see below
        """Not there: the platform has no list of sessions."""
        self._need("session_listing", "lists of sessions")
        raise UnsupportedOperation(NAME, "lists of sessions")

    async def drain_session(self, session_id: str) -> None:
        """Let it take no new jobs."""
        errand = self._command("drain_session", session_id, session=session_id)
        try:
            await self._api.operation(CLOSE_SESSION, errand, session_request(session_id))
        except SessionClosedError:
            return  # as it should be

    async def cancel_session(self, session_id: str) -> None:
        """Close it now, at a server of ours; the platform lets accepted jobs finish."""
        self._need("cancel_sessions", "cancelling sessions")
        errand = self._command("cancel_session", session_id, session=session_id)
        await self._api.operation(CANCEL_SESSION, errand, session_request(session_id))
