"""The error tree."""

import inspect
import pickle

import pytest

from swqr_core import errors
from swqr_core.errors import (
    AccessDeniedError,
    BackendNotFoundError,
    ClosedError,
    ConfigurationError,
    IdempotencyConflictError,
    IllegalTransitionError,
    InvalidInputError,
    JobEndedError,
    JobFailedError,
    JobNotEndedError,
    LimitExceededError,
    MissingExtraError,
    NotFoundError,
    OutcomeUnknownError,
    PayloadTooLargeError,
    ProtocolError,
    SessionClosedError,
    SwqrError,
    UnreachableError,
    UnsupportedOperation,
    WaitTimeoutError,
)

EXAMPLES: list[SwqrError] = [
    AccessDeniedError("open a dedicated session", "use a batch", 1352),
    BackendNotFoundError("ibm_nowhere", ["ibm_fez"]),
    ClosedError("the runtime"),
    ConfigurationError("swqr.toml", "no such key"),
    IdempotencyConflictError("k-1", "job-1"),
    IllegalTransitionError("job", "job-1", "completed", "start", ()),
    InvalidInputError("shots", "must be at least 1", 6000),
    JobEndedError("job-1", "completed"),
    JobFailedError("job-1", "no such gate", 1517, "Transpile it."),
    JobNotEndedError("job-1", "running"),
    LimitExceededError("pending jobs", 3, "wait for one to end", 3458),
    MissingExtraError("swqr demo", "cli"),
    OutcomeUnknownError("ibm", "submit", "k-1"),
    PayloadTooLargeError("params", 300, 200),
    ProtocolError("ibm", "a closed session is open again", "closed", "open"),
    SessionClosedError("session-1", "draining"),
    UnreachableError("ibm", "connection refused; is the network there?"),
    UnsupportedOperation("strangeworks", "batches"),
    WaitTimeoutError("job", "job-1", 2.5),
]


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda e: type(e).__name__)
def test_an_error_survives_pickling_with_its_facts_and_message(error: SwqrError) -> None:
    copy = pickle.loads(pickle.dumps(error))

    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda e: type(e).__name__)
def test_a_message_names_every_fact_it_was_made_from(error: SwqrError) -> None:
    facts = [fact for fact in error.args if isinstance(fact, str) and fact]

    assert [fact for fact in facts if fact not in str(error)] == []


@pytest.mark.parametrize("told", [7, 0])
def test_a_limit_that_the_platform_does_not_tell_is_not_told_as_none_at_all(told: int) -> None:
    large = PayloadTooLargeError("params", 300, told)
    full = LimitExceededError("pending jobs", told, "wait")

    assert ("of 7" in str(large), "of 7" in str(full)) == (told == 7, told == 7)
    assert "of 0" not in f"{large} {full}"


@pytest.mark.parametrize("reason", ["it broke", "it broke."])
def test_what_happened_and_what_to_do_are_two_sentences(reason: str) -> None:
    error = errors.JobFailedError("j", reason, 1002, "Mend it.")

    assert str(error) == "job 'j' failed (code 1002): it broke. Mend it."


def test_every_error_is_in_the_tree_and_in_all() -> None:
    classes = {
        name: value
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, Exception)
    }

    assert sorted(classes) == errors.__all__
    assert all(issubclass(value, SwqrError) for value in classes.values())


def test_the_module_docstring_draws_every_class() -> None:
    assert [name for name in errors.__all__ if name not in (errors.__doc__ or "")] == []


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (InvalidInputError("shots", "no"), ValueError),
        (NotFoundError("x"), LookupError),
        (WaitTimeoutError("job", "j", 1), TimeoutError),
        (MissingExtraError("demo", "cli"), ImportError),
    ],
)
def test_an_error_is_also_the_builtin_that_people_catch(
    error: SwqrError, builtin: type[Exception]
) -> None:
    assert isinstance(error, builtin)
