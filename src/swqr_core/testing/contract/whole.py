"""All claims together: what a transport is held to."""

from .account import AccountClaims
from .backends import BackendClaims
from .closing import ClosingClaims
from .connection import ConnectionClaims
from .idempotency import IdempotencyClaims
from .interim import InterimClaims
from .job_ends import JobEndClaims
from .job_queries import JobQueryClaims
from .jobs import JobClaims
from .private import PrivateJobClaims
from .programs import ProgramClaims
from .races import RaceClaims
from .refusals import RefusalClaims
from .session_life import SessionLifeClaims
from .session_queries import SessionQueryClaims
from .sessions import SessionClaims
from .tenants import TenantClaims
from .waiting import WaitingClaims

__all__ = ["TransportContract"]


class TransportContract(
    BackendClaims,
    SessionClaims,
    SessionLifeClaims,
    SessionQueryClaims,
    JobClaims,
    JobEndClaims,
    JobQueryClaims,
    PrivateJobClaims,
    WaitingClaims,
    IdempotencyClaims,
    ProgramClaims,
    InterimClaims,
    AccountClaims,
    TenantClaims,
    RefusalClaims,
    RaceClaims,
    ConnectionClaims,
    ClosingClaims,
):
    """Everything that a transport promises.

    Subclass it in a test module and give the subclass a fixture ``harness`` that returns a
    ``Harness``; pytest then collects one test for each promise. What a transport's
    ``Capabilities`` deny, and what the harness cannot do, is skipped with its name.
    """
