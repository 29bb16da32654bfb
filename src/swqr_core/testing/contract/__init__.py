"""The contract of ``RuntimeTransport``: one test for each promise of its ports.

The tests are grouped by port. A transport that has only some of them may be held to those groups
alone, for example with a class that inherits ``JobClaims``.
"""

import pytest

# Before the import: a failed assertion then shows its values.
for _room in (
    "account", "backends", "closing", "connection", "idempotency", "interim", "job_ends",
    "job_queries", "jobs", "private", "programs", "races", "refusals", "session_life",
    "session_queries", "sessions", "tenants", "waiting", "whole",
):  # fmt: skip
    pytest.register_assert_rewrite(f"{__name__}.{_room}")

from .account import AccountClaims  # noqa: E402
from .backends import BackendClaims  # noqa: E402
from .claims import claim  # noqa: E402
from .closing import ClosingClaims  # noqa: E402
from .connection import ConnectionClaims  # noqa: E402
from .idempotency import IdempotencyClaims  # noqa: E402
from .interim import InterimClaims  # noqa: E402
from .job_ends import JobEndClaims  # noqa: E402
from .job_queries import JobQueryClaims  # noqa: E402
from .jobs import JobClaims  # noqa: E402
from .private import PrivateJobClaims  # noqa: E402
from .programs import ProgramClaims  # noqa: E402
from .races import RaceClaims  # noqa: E402
from .refusals import RefusalClaims  # noqa: E402
from .session_life import SessionLifeClaims  # noqa: E402
from .session_queries import SessionQueryClaims  # noqa: E402
from .sessions import SessionClaims  # noqa: E402
from .tenants import TenantClaims  # noqa: E402
from .waiting import WaitingClaims  # noqa: E402
from .whole import TransportContract  # noqa: E402
from .world import World  # noqa: E402

__all__ = [
    "AccountClaims",
    "BackendClaims",
    "ClosingClaims",
    "ConnectionClaims",
    "IdempotencyClaims",
    "InterimClaims",
    "JobClaims",
    "JobEndClaims",
    "JobQueryClaims",
    "PrivateJobClaims",
    "ProgramClaims",
    "RaceClaims",
    "RefusalClaims",
    "SessionClaims",
    "SessionLifeClaims",
    "SessionQueryClaims",
    "TenantClaims",
    "TransportContract",
    "WaitingClaims",
    "World",
    "claim",
]
