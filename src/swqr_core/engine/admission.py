"""Who may do what: checks of an input against the cloud as it is. They change nothing."""

from swqr_core.errors import (
    AccessDeniedError,
    BackendNotFoundError,
    IdempotencyConflictError,
    InvalidInputError,
    JobNotFoundError,
    LimitExceededError,
    SessionClosedError,
    SessionNotFoundError,
)
from swqr_core.model.ids import BackendName, JobId, ProgramId, SessionId
from swqr_core.model.principal import Principal
from swqr_core.model.session import SessionMode, SessionSpec

from .cloud import Cloud
from .inputs import AddProgram, OpenSession, SubmitJob
from .settings import Plan
from .state import EndedJob, LiveDevice, LiveJob, LiveSession

__all__ = [
    "check_submission",
    "find_device",
    "find_job",
    "find_session",
    "first_use",
    "resolve_ttls",
]

_NO_DEDICATED_SESSIONS = 1352
_TOO_MANY_PENDING = 3458


def first_use(
    cloud: Cloud, input: OpenSession | SubmitJob | AddProgram
) -> JobId | SessionId | ProgramId | None:
    """Return what this input's key has already made, if it has.

    Keys are the caller's own: each instance has one set for sessions, one for jobs and one for
    programs.

    Raises:
        IdempotencyConflictError: The key was used with another content.
    """
    account = cloud.accounts.get(input.principal.instance)
    if account is None:
        return None
    found: tuple[str, JobId | SessionId | ProgramId] | None
    if isinstance(input, OpenSession):
        found = account.session_keys.get(input.key)
    elif isinstance(input, AddProgram):
        found = account.program_keys.get(input.key)
    else:
        found = account.job_keys.get(input.key)
    if found is None:
        return None
    content, made = found
    if content != input.content:
        raise IdempotencyConflictError(input.key, made)
    return made


def check_shelf(cloud: Cloud, principal: Principal, plan: Plan) -> None:
    """Refuse one program more than a user may keep.

    Raises:
        LimitExceededError: The user has as many in this instance as the plan allows.
    """
    if plan.programs is not None and cloud.library.owned(principal) >= plan.programs:
        raise LimitExceededError(
            "the number of your programs", plan.programs, "delete one, or replace its source"
        )


def find_device(cloud: Cloud, name: BackendName) -> LiveDevice:
    """Return a device.

    Raises:
        BackendNotFoundError: There is none of that name; the error lists near names.
    """
    device = cloud.devices.get(name)
    if device is None:
        from difflib import get_close_matches  # only needed here, and not small

        raise BackendNotFoundError(name, get_close_matches(name, cloud.devices, cutoff=0.5))
    return device


def find_session(cloud: Cloud, principal: Principal, session_id: SessionId) -> LiveSession | None:
    """Return a session, or None if it is closed and nothing of it runs.

    Raises:
        SessionNotFoundError: There is none of that id in the principal's instance.
    """
    session = cloud.sessions.get(session_id)
    instance = cloud.closed.get(session_id) if session is None else session.account.id
    if instance is None or instance != principal.instance:
        raise SessionNotFoundError(session_id)
    return session


def find_job(cloud: Cloud, principal: Principal, job_id: JobId) -> LiveJob | EndedJob:
    """Return a job, or what is kept of it after its end.

    Raises:
        JobNotFoundError: There is none of that id in the principal's instance.
    """
    job = cloud.jobs.get(job_id)
    found: LiveJob | EndedJob | None = job if job is not None else cloud.ended.get(job_id)
    if found is None or principal.instance != found.instance:
        raise JobNotFoundError(job_id)
    return found


def resolve_ttls(spec: SessionSpec, plan: Plan) -> tuple[int, int, int]:
    """Return ``max_ttl``, ``interactive_ttl`` and ``active_ttl`` as the plan gives them.

    What is over the plan's ``max_ttl`` is cut to it. TTLs that were not chosen follow from those
    that were, so ``interactive_ttl <= active_ttl <= max_ttl`` always holds.

    Raises:
        AccessDeniedError: The plan has no dedicated sessions (code 1352), or no choice of
            ``interactive_ttl`` and ``active_ttl``.
        InvalidInputError: The chosen TTLs contradict each other.
    """
    if spec.mode is SessionMode.DEDICATED and not plan.dedicated:
        raise AccessDeniedError(
            f"open dedicated sessions on the plan {plan.name!r}",
            "open a batch, or submit jobs without a session",
            _NO_DEDICATED_SESSIONS,
        )
    chosen = spec.interactive_ttl is not None or spec.active_ttl is not None
    if chosen and not plan.custom_ttls:
        raise AccessDeniedError(
            f"choose interactive_ttl or active_ttl on the plan {plan.name!r}",
            "leave both out, or ask for a plan that has them",
        )
    longest = plan.max_ttl if spec.max_ttl is None else spec.max_ttl
    if spec.active_ttl is not None and spec.active_ttl > longest:
        raise InvalidInputError(
            "active_ttl", f"must be at most max_ttl ({longest}), not {spec.active_ttl}"
        )
    active = longest if spec.active_ttl is None else spec.active_ttl
    if spec.interactive_ttl is not None and spec.interactive_ttl > active:
        raise InvalidInputError(
            "interactive_ttl", f"must be at most active_ttl ({active}), not {spec.interactive_ttl}"
        )
    interactive = plan.interactive_ttl if spec.interactive_ttl is None else spec.interactive_ttl
    max_ttl = min(longest, plan.max_ttl)
    active_ttl = min(active, max_ttl)
    return max_ttl, min(interactive, active_ttl), active_ttl


def check_submission(cloud: Cloud, input: SubmitJob, plan: Plan) -> None:
    """Check that a job may be queued.

    Raises:
        BackendNotFoundError: There is no such backend.
        SessionNotFoundError: There is no such session in the principal's instance.
        SessionClosedError: The session takes no new jobs.
        InvalidInputError: The session is on another backend, or the job's id is in use.
        LimitExceededError: Too many jobs are pending (code 3458).
    """
    spec, session_id = input.spec, input.spec.session_id
    find_device(cloud, spec.backend)
    if session_id is not None:
        session = find_session(cloud, input.principal, session_id)
        if session is None:
            raise SessionClosedError(session_id, "closed")
        if not session.state.accepts_jobs:
            raise SessionClosedError(session_id, session.state.value)
        if session.spec.backend != spec.backend:
            raise InvalidInputError(
                "backend",
                f"session {session_id!r} runs on {session.spec.backend!r}, not on "
                f"{spec.backend!r}: submit the job for the session's backend",
            )
    if input.job_id in cloud.jobs or input.job_id in cloud.ended:
        raise InvalidInputError("job_id", f"{input.job_id!r} is already in use: make a fresh one")
    account = cloud.accounts.get(input.principal.instance)
    pending = 0 if account is None else len(account.queued) + account.running
    if plan.pending_jobs is not None and pending >= plan.pending_jobs:
        raise LimitExceededError(
            "the number of pending jobs",
            plan.pending_jobs,
            "wait until one of them has ended, or cancel one",
            _TOO_MANY_PENDING,
        )
