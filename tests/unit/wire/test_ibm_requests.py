"""Requests of IBM's interface: what clients send is read as they mean it."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swqr_adapters.wire.ibm import job_query, job_submission, session_opening
from swqr_adapters.wire.ibm.dialects import API_VERSIONS, parse_version
from swqr_adapters.wire.ibm.refusals import status_of
from swqr_adapters.wire.ibm.requests import (
    Query,
    parse_job_query,
    parse_job_submission,
    parse_session_opening,
)
from swqr_core import errors
from swqr_core.model.ids import BackendName, ProgramId, SessionId
from swqr_core.model.job import JobSpec
from swqr_core.model.query import JobQuery
from swqr_core.model.session import SessionMode, SessionSpec

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=30)
SPECS = st.builds(
    JobSpec,
    program_id=WORDS.map(ProgramId),
    backend=WORDS.map(BackendName),
    session_id=st.none() | WORDS.map(SessionId),
    tags=st.lists(WORDS, max_size=8),
    max_execution_time=st.none() | st.integers(1, 10_800),
    log_level=st.sampled_from(["critical", "error", "warning", "info", "debug"]),
    private=st.booleans(),
    image=st.none() | WORDS,
    calibration_id=st.none() | WORDS,
    extra=st.just({}) | st.just({"remote_storage": {"type": "x"}}),
)
SESSIONS = st.builds(
    SessionSpec,
    backend=WORDS.map(BackendName),
    mode=st.sampled_from(SessionMode),
    max_ttl=st.none() | st.integers(1, 10**6),
    interactive_ttl=st.none() | st.integers(0, 10**6),
    active_ttl=st.none() | st.integers(1, 10**6),
)
TIMES = st.none() | st.datetimes(timezones=st.just(UTC))
QUERIES = st.builds(
    JobQuery,
    program_id=st.none() | WORDS.map(ProgramId),
    backend=st.none() | WORDS.map(BackendName),
    session_id=st.none() | WORDS.map(SessionId),
    tags=st.lists(WORDS, max_size=3),
    created_after=TIMES,
    created_before=TIMES,
    newest_first=st.booleans(),
    limit=st.integers(1, 200),
    offset=st.integers(0, 10**6),
)


@given(SPECS)
def test_a_submission_is_read_as_it_was_written(spec: JobSpec) -> None:
    assert parse_job_submission(job_submission(spec, tags=spec.tags)) == spec


@given(SESSIONS)
def test_an_opening_is_read_as_it_was_written(spec: SessionSpec) -> None:
    assert parse_session_opening(session_opening(spec)) == spec


@given(QUERIES)
def test_a_job_query_is_read_as_it_was_written(query: JobQuery) -> None:
    pairs = job_query(query, pending=None, limit=query.limit, offset=query.offset)

    assert parse_job_query(Query(pairs)).query == query


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2026-01-31T09:00:00Z", 9),
        ("2026-01-31T09:00:00.000001Z", 9),
        ("2026-01-31T09:00:00+00:00", 9),
        ("2026-01-31T09:00:00 00:00", 9),  # a plus sign that nobody escaped
        ("2026-01-31T09:00:00+02:00", 7),
        ("2026-01-31T09:00:00", 9),
        ("2026-01-31", 0),
        ("2026-01-31 09:00:00", 9),
    ],
)
def test_times_are_read_in_every_form_that_clients_send(text: str, hour: int) -> None:
    found = Query([("created_after", text)]).time("created_after")

    assert found is not None
    assert found.replace(microsecond=0) == datetime(2026, 1, 31, hour, tzinfo=UTC)


@given(st.dates().map(str))
def test_every_date_means_a_version(date: str) -> None:
    version = parse_version(date)

    assert version in API_VERSIONS
    assert version <= date or version == API_VERSIONS[0]


@given(st.dictionaries(WORDS, st.none() | st.booleans() | st.integers() | st.floats() | WORDS))
def test_whatever_a_body_holds_it_is_read_or_refused(document: dict[str, Any]) -> None:
    fields = ["backend", "program_id", "cost", "tags", "mode", "max_ttl", "private"]
    mixed = dict(zip(fields, document.values(), strict=False))
    for parse in (parse_job_submission, parse_session_opening):
        with suppress(errors.InvalidInputError):  # and nothing else
            parse({**document, **mixed})


def test_a_parameter_with_two_meanings_is_refused() -> None:
    with pytest.raises(errors.InvalidInputError):
        Query([("sort", "ASC"), ("sort", "DESC")]).text("sort")


@pytest.mark.parametrize("name", sorted(set(errors.__all__) - {"SwqrError"}))
def test_every_error_has_a_status_of_its_own_kind(name: str) -> None:
    kind = getattr(errors, name)
    error = kind.__new__(kind)

    status, code = status_of(error)

    assert 400 <= status <= 503
    assert 1000 <= code <= 9999
    own = (errors.TransportError, errors.ClosedError)
    assert (status >= 500) is (
        isinstance(error, own) and not isinstance(error, errors.OutcomeUnknownError)
    )
