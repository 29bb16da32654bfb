"""Programs and interim results come back from the wire as they were."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import hypothesis.strategies as st
from hypothesis import given

from swqr_adapters.wire.ibm.programs import (
    interim_document,
    interim_events,
    interim_text,
    parse_interim,
    parse_program,
    parse_program_page,
    parse_program_query,
    parse_program_source,
    parse_program_update,
    parse_program_upload,
    program_document,
    program_page_document,
    program_query,
    update_document,
    upload_document,
)
from swqr_adapters.wire.ibm.requests import Query
from swqr_core.model.program import InterimResults, Program, ProgramSpec, ProgramUpdate
from swqr_core.model.query import Page, ProgramQuery

text = st.text(min_size=1, max_size=24)
times = st.integers(0, 2**52).map(
    lambda since: datetime(2026, 1, 31, tzinfo=UTC) + timedelta(microseconds=since)
)
# An empty object says nothing and is left out.
schemas = st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text())
specs = st.builds(
    ProgramSpec,
    name=text,
    description=st.text(max_size=50),
    cost=st.integers(1, 2**31),
    backend_requirements=schemas,
    parameters=schemas,
    return_values=schemas,
    interim_results=schemas,
    tags=st.lists(text, max_size=5).map(tuple),
    is_public=st.booleans(),
)
updates = st.builds(
    ProgramUpdate,
    name=st.none() | text,
    description=st.none() | st.text(max_size=50),
    cost=st.none() | st.integers(1, 2**31),
    parameters=st.none() | schemas,
    return_values=st.none() | schemas,
    tags=st.none() | st.lists(text, max_size=5).map(tuple),
)
programs = st.builds(
    Program, id=text, spec=specs, created_at=times, updated_at=times, owner=st.none() | text
)
json_texts = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
).flatmap(
    lambda value: st.sampled_from(
        [json.dumps(value).encode(), json.dumps(value, indent=1, ensure_ascii=True).encode()]
    )
)
pages = st.builds(
    InterimResults,
    start=st.integers(0, 100),
    results=st.lists(json_texts, max_size=4).map(tuple),
    complete=st.booleans(),
)


def sent(document: Any) -> Any:
    return json.loads(json.dumps(document))


@given(programs, st.none() | st.binary())
def test_a_program_comes_back_with_its_source(program: Program, source: bytes | None) -> None:
    document = sent(program_document(program, source=source))

    assert parse_program(document) == program
    assert parse_program_source(document) == source


@given(st.lists(programs, max_size=3), st.integers(0, 50), st.integers(1, 200))
def test_a_page_of_programs_comes_back(found: list[Program], offset: int, limit: int) -> None:
    page = Page(items=tuple(found), total=offset + len(found), offset=offset, limit=limit)

    assert parse_program_page(sent(program_page_document(page))) == page


@given(specs, st.binary())
def test_an_upload_comes_back(spec: ProgramSpec, source: bytes) -> None:
    document = sent(upload_document(spec, source))

    assert parse_program_upload(document) == spec
    assert parse_program_source(document) == source


@given(updates)
def test_an_update_comes_back(update: ProgramUpdate) -> None:
    assert parse_program_update(sent(update_document(update))) == update


@given(
    st.builds(
        ProgramQuery,
        name=st.none() | text,
        search=st.none() | text,
        tags=st.lists(text, max_size=3).map(tuple),
        limit=st.integers(1, 200),
        offset=st.integers(0, 10**6),
    )
)
def test_a_query_comes_back(query: ProgramQuery) -> None:
    assert parse_program_query(Query(program_query(query))) == query


@given(pages)
def test_interim_results_come_back_byte_by_byte(page: InterimResults) -> None:
    assert parse_interim(sent(interim_document(page))) == page


@given(pages)
def test_interim_results_are_one_list_of_what_they_say(page: InterimResults) -> None:
    found = json.loads(b"".join(interim_text(page.results)))

    assert found == [json.loads(result) for result in page.results]


@given(pages)
def test_every_interim_result_is_one_event_with_its_position(page: InterimResults) -> None:
    events = [part for part in interim_events(page).decode().split("\n\n") if part]
    told = [event for event in events if event.startswith("id: ")]

    assert len(told) == len(page.results)
    for position, (event, result) in enumerate(
        zip(told, page.results, strict=True), page.start + 1
    ):
        head, *lines = event.split("\n")
        assert head == f"id: {position}"
        assert "\n".join(line.removeprefix("data: ") for line in lines) == result.decode()
    assert len(events) == len(told) + page.complete
