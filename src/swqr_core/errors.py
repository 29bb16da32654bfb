"""Every error that swqr raises.

The tree is split by what a caller may do next::

    SwqrError
    ├── InvalidInputError (ValueError)       change the input
    │   ├── IdempotencyConflictError         use another key
    │   └── PayloadTooLargeError             send less
    ├── NotFoundError (LookupError)          check the id, the instance
    │   ├── BackendNotFoundError
    │   ├── InstanceNotFoundError
    │   ├── JobNotFoundError
    │   ├── ProgramNotFoundError
    │   └── SessionNotFoundError
    ├── StateConflictError                   the thing has moved on: look again
    │   ├── IllegalTransitionError
    │   ├── JobEndedError
    │   ├── JobNotEndedError
    │   └── SessionClosedError
    ├── LimitExceededError                   wait, or ask for more
    ├── AccessDeniedError                    other credentials, another plan
    ├── JobOutcomeError                      the job ended without a result
    │   ├── JobCancelledError
    │   ├── JobFailedError
    │   └── JobTimedOutError
    ├── PayloadLostError                     the bytes are damaged: submit again
    ├── WaitTimeoutError (TimeoutError)      wait longer: the work goes on
    ├── TransportError                       the way to the platform
    │   ├── OutcomeUnknownError              look for the key before repeating
    │   ├── ProtocolError                    the platform broke its own rules
    │   └── UnreachableError                 nothing happened there: try again
    ├── UnsupportedOperation                 this transport cannot do it
    ├── ConfigurationError                   mend the configuration
    │   └── MissingExtraError (ImportError)  install the extra
    └── ClosedError                          make a new one

Each error keeps its facts as attributes and makes its message from them, so it survives pickling
and can be put on any wire.
"""

from collections.abc import Sequence

__all__ = [
    "AccessDeniedError",
    "BackendNotFoundError",
    "ClosedError",
    "ConfigurationError",
    "IdempotencyConflictError",
    "IllegalTransitionError",
    "InstanceNotFoundError",
    "InvalidInputError",
    "JobCancelledError",
    "JobEndedError",
    "JobFailedError",
    "JobNotEndedError",
    "JobNotFoundError",
    "JobOutcomeError",
    "JobTimedOutError",
    "LimitExceededError",
    "MissingExtraError",
    "NotFoundError",
    "OutcomeUnknownError",
    "PayloadLostError",
    "PayloadTooLargeError",
    "ProgramNotFoundError",
    "ProtocolError",
    "SessionClosedError",
    "SessionNotFoundError",
    "StateConflictError",
    "SwqrError",
    "TransportError",
    "UnreachableError",
    "UnsupportedOperation",
    "WaitTimeoutError",
]


def followed_by(sentence: str, advice: str) -> str:
    """Return both as sentences of their own; platforms end what they say with a full stop or not.

    Args:
        sentence: What happened.
        advice: What to do.
    """
    return f"{sentence}{'' if sentence.endswith(('.', '!', '?')) else '.'} {advice}"


class SwqrError(Exception):
    """The root of everything that swqr raises.

    Attributes:
        code: The number that the IBM registry of error codes gives to this kind of failure, or
            None. Wires that carry codes use it.
    """

    code: int | None = None


# --- the input ---------------------------------------------------------------------------------


class InvalidInputError(SwqrError, ValueError):
    """A value cannot be used; nothing was done with it.

    Attributes:
        field: Which value, in the caller's words, for example ``max_ttl``.
        problem: What is wrong with it, and what would be right.
    """

    def __init__(self, field: str, problem: str, code: int | None = None) -> None:
        super().__init__(field, problem, code)
        self.field, self.problem, self.code = field, problem, code

    def __str__(self) -> str:
        return f"{self.field}: {self.problem}"


class IdempotencyConflictError(InvalidInputError):
    """A key came again with another content; the first use stands and nothing was added.

    Attributes:
        key: The key that was used twice.
        existing_id: What the first use made.
    """

    def __init__(self, key: str, existing_id: str) -> None:
        super().__init__("key", "used again")
        self.args = (key, existing_id)
        self.key, self.existing_id = key, existing_id

    def __str__(self) -> str:
        return (
            f"key {self.key!r} already made {self.existing_id!r} from another content: "
            "use a new key for new work"
        )


def _of(limit: float) -> str:
    return f" of {limit:.15g}" if limit else ""


class PayloadTooLargeError(InvalidInputError):
    """A payload is over the limit; it was not stored.

    Attributes:
        size: Its size in bytes, as far as it was read.
        limit: The limit in bytes; 0 if the platform does not tell.
    """

    def __init__(self, field: str, size: int, limit: int) -> None:
        super().__init__(field, "too large", 5302)
        self.args = (field, size, limit)
        self.size, self.limit = size, limit

    def __str__(self) -> str:
        return (
            f"{self.field}: {self.size} bytes are over the limit{_of(self.limit)}: "
            "split the work into several jobs or raise the limit"
        )


# --- ids ---------------------------------------------------------------------------------------


class NotFoundError(SwqrError, LookupError):
    """No such thing for this principal; another instance's id answers the same.

    Attributes:
        noun: What was looked for.
        id: The id that led nowhere.
        known: Some of the ids that would have worked, where listing them helps.
    """

    noun = "object"

    def __init__(self, id: str, known: Sequence[str] = ()) -> None:
        super().__init__(id, tuple(known))
        self.id, self.known = id, tuple(known)

    def __str__(self) -> str:
        hint = f"; there is {', '.join(self.known)}" if self.known else ""
        return f"{self.noun} {self.id!r} not found: check the id and the instance{hint}"


class BackendNotFoundError(NotFoundError):
    """No backend of that name in this instance."""

    noun, code = "backend", 1007


class InstanceNotFoundError(NotFoundError):
    """No instance of that name or CRN for this user."""

    noun, code = "instance", 1279


class JobNotFoundError(NotFoundError):
    """No job of that id in this instance, or it was deleted."""

    noun, code = "job", 3250


class ProgramNotFoundError(NotFoundError):
    """No program of that id that this principal may use."""

    noun, code = "program", 1002


class SessionNotFoundError(NotFoundError):
    """No session of that id in this instance."""

    noun, code = "session", 1217


# --- states ------------------------------------------------------------------------------------


class StateConflictError(SwqrError):
    """The thing is not in a state that allows this; nothing was changed."""


class IllegalTransitionError(StateConflictError):
    """A lifecycle table has no row for this event in this state.

    Attributes:
        noun: ``session`` or ``job``.
        id: Which one.
        state: The state it is in.
        event: What was asked of it.
        allowed: The events that this state takes.
    """

    def __init__(self, noun: str, id: str, state: str, event: str, allowed: Sequence[str]) -> None:
        super().__init__(noun, id, state, event, tuple(allowed))
        self.noun, self.id, self.state, self.event = noun, id, state, event
        self.allowed = tuple(allowed)

    def __str__(self) -> str:
        allowed = ", ".join(self.allowed) or "nothing"
        return f"{self.noun} {self.id!r} is {self.state}: cannot {self.event}, only {allowed}"


class SessionClosedError(StateConflictError):
    """The session takes no new jobs; the job was not queued.

    Attributes:
        session_id: Which session.
        state: The state it is in: ``draining`` or ``closed``.
    """

    code = 1217

    def __init__(self, session_id: str, state: str) -> None:
        super().__init__(session_id, state)
        self.session_id, self.state = session_id, state

    def __str__(self) -> str:
        return (
            f"session {self.session_id!r} is {self.state} and takes no new jobs: open a new session"
        )


class JobEndedError(StateConflictError):
    """The job has already ended, so it cannot be cancelled.

    Attributes:
        job_id: Which job.
        state: How it ended.
    """

    code = 3209

    def __init__(self, job_id: str, state: str) -> None:
        super().__init__(job_id, state)
        self.job_id, self.state = job_id, state

    def __str__(self) -> str:
        return f"job {self.job_id!r} has already ended ({self.state}): there is nothing to cancel"


class JobNotEndedError(StateConflictError):
    """The job is still queued or running, and this needs one that has ended.

    Attributes:
        job_id: Which job.
        state: The state it is in.
    """

    code = 3213

    def __init__(self, job_id: str, state: str) -> None:
        super().__init__(job_id, state)
        self.job_id, self.state = job_id, state

    def __str__(self) -> str:
        return f"job {self.job_id!r} is {self.state}: wait for it to end, or cancel it first"


class LimitExceededError(SwqrError):
    """A limit of the instance or the plan is reached; nothing was queued.

    Attributes:
        limit: Which limit, in words.
        allowed: Its value; 0 if the platform does not tell.
        advice: What to do.
    """

    def __init__(self, limit: str, allowed: float, advice: str, code: int | None = None) -> None:
        super().__init__(limit, allowed, advice, code)
        self.limit, self.allowed, self.advice, self.code = limit, allowed, advice, code

    def __str__(self) -> str:
        return f"{self.limit} is at its limit{_of(self.allowed)}: {self.advice}"


class AccessDeniedError(SwqrError):
    """The credentials or the plan do not allow this; nothing was done.

    Attributes:
        action: What was refused.
        advice: What to do.
    """

    def __init__(self, action: str, advice: str, code: int | None = 1200) -> None:
        super().__init__(action, advice, code)
        self.action, self.advice, self.code = action, advice, code

    def __str__(self) -> str:
        return f"not allowed to {self.action}: {self.advice}"


# --- how a job ended ---------------------------------------------------------------------------


class JobOutcomeError(SwqrError):
    """The job has ended and has no result.

    Attributes:
        job_id: Which job.
        reason: Why, in the platform's words (REST: ``state.reason``), or None.
        code: REST: ``state.reason_code``, or None.
        solution: REST: ``state.reason_solution``, or None.
    """

    verb = "ended without a result"

    def __init__(
        self,
        job_id: str,
        reason: str | None = None,
        code: int | None = None,
        solution: str | None = None,
    ) -> None:
        super().__init__(job_id, reason, code, solution)
        self.job_id, self.reason, self.code, self.solution = job_id, reason, code, solution

    def __str__(self) -> str:
        code = f" (code {self.code})" if self.code else ""
        reason = f": {self.reason}" if self.reason else ""
        told = f"job {self.job_id!r} {self.verb}{code}{reason}"
        return followed_by(told, self.solution) if self.solution else told


class JobFailedError(JobOutcomeError):
    """The job failed."""

    verb = "failed"


class JobCancelledError(JobOutcomeError):
    """The job was cancelled."""

    verb = "was cancelled"


class JobTimedOutError(JobOutcomeError):
    """The job ran longer than it was allowed to (REST: ``Cancelled - Ran too long``)."""

    verb = "ran too long"


class PayloadLostError(SwqrError):
    """Bytes of a job or program are damaged or gone on the platform's disk; all else is as it was.

    Attributes:
        noun: ``job`` or ``program``.
        id: Which one.
        what: Which bytes: ``params``, ``result``, ``logs``, ...
    """

    code = 1000

    def __init__(self, noun: str, id: str, what: str) -> None:
        super().__init__(noun, id, what)
        self.noun, self.id, self.what = noun, id, what

    def __str__(self) -> str:
        return (
            f"{self.what} of {self.noun} {self.id!r}: damaged or gone in the platform's store; "
            f"submit the {self.noun} again with a new key"
        )


class WaitTimeoutError(SwqrError, TimeoutError):
    """The wait is over, the work is not: waiting again later is safe.

    Attributes:
        noun: What was waited for.
        id: Which one.
        timeout: How long was waited, in seconds.
    """

    def __init__(self, noun: str, id: str, timeout: float) -> None:
        super().__init__(noun, id, timeout)
        self.noun, self.id, self.timeout = noun, id, timeout

    def __str__(self) -> str:
        return (
            f"{self.noun} {self.id!r} has not ended within {self.timeout:g} s: "
            "it goes on; wait again or cancel it"
        )


# --- the way to the platform -------------------------------------------------------------------


class TransportError(SwqrError):
    """The way to the platform failed.

    Attributes:
        transport: The transport's name.
        problem: What happened, and what to do.
    """

    def __init__(self, transport: str, problem: str) -> None:
        super().__init__(transport, problem)
        self.transport, self.problem = transport, problem

    def __str__(self) -> str:
        return f"{self.transport}: {self.problem}"


class UnreachableError(TransportError):
    """The platform was not reached; it certainly did nothing, so trying again is safe."""


class OutcomeUnknownError(TransportError):
    """The request left and no answer came: what was asked for may have happened.

    Attributes:
        action: What was asked for, for example ``submit``.
        key: The idempotency key under which to look for it.
    """

    def __init__(self, transport: str, action: str, key: str) -> None:
        super().__init__(transport, action)
        self.args = (transport, action, key)
        self.action, self.key = action, key

    def __str__(self) -> str:
        return (
            f"{self.transport}: no answer to {self.action} with key {self.key!r}: it may have "
            "happened; look for the key before repeating"
        )


class ProtocolError(TransportError):
    """The platform's answer breaks its own rules.

    Attributes:
        before: What was known before, as text.
        after: What the answer says, as text.
    """

    def __init__(self, transport: str, problem: str, before: str = "", after: str = "") -> None:
        super().__init__(transport, problem)
        self.args = (transport, problem, before, after)
        self.before, self.after = before, after

    def __str__(self) -> str:
        shown = f"; before: {self.before}; now: {self.after}" if self.before or self.after else ""
        return f"{self.transport}: {self.problem}{shown}"


class UnsupportedOperation(SwqrError):  # noqa: N818 - the name that the design gives it
    """This transport cannot do that; its ``Capabilities`` say so beforehand.

    Attributes:
        transport: The transport's name.
        operation: What it cannot do.
    """

    def __init__(self, transport: str, operation: str) -> None:
        super().__init__(transport, operation)
        self.transport, self.operation = transport, operation

    def __str__(self) -> str:
        return f"transport {self.transport!r} does not support {self.operation}"


class ConfigurationError(SwqrError):
    """The configuration cannot be used.

    Attributes:
        source: Where it comes from: a file, a variable, a URL.
        problem: What is wrong, and what would be right.
        setting: The setting that is wrong, if it is one, by its name.
    """

    setting: str | None = None

    def __init__(self, source: str, problem: str, setting: str | None = None) -> None:
        super().__init__(source, problem, setting)
        self.source, self.problem, self.setting = source, problem, setting

    def __str__(self) -> str:
        return f"{self.source}: {self.problem}"


class MissingExtraError(ConfigurationError, ImportError):
    """A part of swqr needs packages that are not installed.

    Attributes:
        feature: What was wanted.
        extra: The extra that brings the packages.
    """

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(feature, extra)
        self.args = (feature, extra)
        self.feature, self.extra = feature, extra

    def __str__(self) -> str:
        return (
            f"{self.feature} needs packages that are not installed: "
            f"pip install 'swqr[{self.extra}]'"
        )


class ClosedError(SwqrError):
    """The object was closed and cannot be used any more.

    Attributes:
        what: Which object.
    """

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what

    def __str__(self) -> str:
        return f"{self.what} is closed: make a new one"
