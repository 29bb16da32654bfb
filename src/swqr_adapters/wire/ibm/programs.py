"""Programs and what they publish, as the older interface has them.

The fields are those of its page on programs; the paths are in its last client. A client of ours
reads interim results page by page, each as the text that it is.
"""

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from swqr_core.errors import InvalidInputError, SwqrError
from swqr_core.model.ids import ProgramId
from swqr_core.model.program import InterimResults, Program, ProgramSpec, ProgramUpdate
from swqr_core.model.query import MAX_PAGE, Page, ProgramQuery

from .requests import REQUEST_REFUSED, Query
from .values import Document, Reader, reading, timestamp, without_none

__all__ = [
    "LONGEST_WAIT",
    "failure_event",
    "interim_document",
    "interim_events",
    "interim_text",
    "parse_interim",
    "parse_program",
    "parse_program_page",
    "parse_program_query",
    "parse_program_source",
    "parse_program_update",
    "parse_program_upload",
    "program_document",
    "program_page_document",
    "program_query",
    "update_document",
    "upload_document",
]

LONGEST_WAIT: Final = 30.0
"""For how many seconds a request may wait for an interim result."""

_LIMIT: Final = 20
_SCHEMAS: Final = ("backend_requirements", "parameters", "return_values", "interim_results")
_TEXTS: Final = ("name", "description")


def _refuse(field: str, problem: str) -> InvalidInputError:
    return InvalidInputError(field, problem, REQUEST_REFUSED)


# --- programs ----------------------------------------------------------------------------------


def program_document(program: Program, *, source: bytes | None = None) -> dict[str, Any]:
    """Return a program as JSON values; *source* is for its owner alone."""
    spec = program.spec
    schemas = {name: dict(getattr(spec, name)) for name in _SCHEMAS}
    return without_none(
        {
            "id": program.id,
            "name": spec.name,
            "cost": spec.cost,
            "description": spec.description or None,
            "creation_date": timestamp(program.created_at),
            "update_date": timestamp(program.updated_at),
            "spec": {name: schema for name, schema in schemas.items() if schema},
            "is_public": spec.is_public,
            "tags": list(spec.tags) or None,
            "owner": program.owner,
            "data": None if source is None else base64.b64encode(source).decode(),
        }
    )


@reading
def parse_program(document: object) -> Program:
    """Read a program.

    Raises:
        ProtocolError: It is no such document.
    """
    read = Reader(document, "program")
    schemas = Reader(read.object("spec"), "program's spec")
    return Program(
        id=ProgramId(read.text("id")),
        spec=ProgramSpec(
            name=read.text("name"),
            description=read.text_or_none("description") or "",
            cost=read.integer("cost") or 600,
            tags=read.texts("tags"),
            is_public=read.flag("is_public"),
            **{name: schemas.object(name) for name in _SCHEMAS},
        ),
        created_at=read.time("creation_date"),
        updated_at=read.time("update_date"),
        owner=read.text_or_none("owner"),
    )


def parse_program_source(document: Document) -> bytes | None:
    """Return the source that a program's document holds, or None.

    Raises:
        InvalidInputError: It is no base64.
    """
    data = document.get("data")
    if data is None:
        return None
    try:
        if isinstance(data, str):
            return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        pass
    raise _refuse("data", "must be the program's text, encoded as base64")


def program_page_document(page: Page[Program]) -> dict[str, Any]:
    """Return a page of programs as JSON values."""
    return {
        "programs": [program_document(program) for program in page],
        "count": page.total,
        "limit": page.limit,
        "offset": page.offset,
    }


@reading
def parse_program_page(document: object) -> Page[Program]:
    """Read a page of programs.

    Raises:
        ProtocolError: It is no such document.
    """
    read = Reader(document, "program list")
    items = tuple(parse_program(item) for item in read.items("programs"))
    total = read.integer("count")
    return Page(
        items=items,
        total=len(items) if total is None else total,
        offset=read.integer("offset") or 0,
        limit=read.integer("limit") or MAX_PAGE,
    )


def program_query(query: ProgramQuery) -> list[tuple[str, str]]:
    """Return the query of ``GET /programs``."""
    found = [("limit", str(query.limit)), ("offset", str(query.offset))]
    if query.name is not None:
        found.append(("name", query.name))
    if query.search is not None:
        found.append(("search", query.search))
    return [*found, *(("tags", tag) for tag in query.tags)]


def parse_program_query(query: Query) -> ProgramQuery:
    """Read the query of ``GET /programs``.

    Raises:
        InvalidInputError: A value cannot be used.
    """
    return ProgramQuery(
        name=query.text("name"),
        search=query.text("search"),
        tags=query.texts("tags"),
        limit=query.number("limit", default=_LIMIT, at_least=1, at_most=MAX_PAGE),
        offset=query.number("offset", default=0, at_least=0),
    )


def upload_document(spec: ProgramSpec, source: bytes) -> dict[str, Any]:
    """Return the body of ``POST /programs``."""
    document = program_document(Program(id=ProgramId("-"), spec=spec), source=source)
    del document["id"]
    return document


def parse_program_upload(document: Document) -> ProgramSpec:
    """Read the body of ``POST /programs`` but for ``data``.

    Raises:
        InvalidInputError: A field is missing, or its value cannot be used.
    """
    if not isinstance(document.get("name"), str):
        raise _refuse("name", "is required: 1 to 52 characters")
    public = document.get("is_public")
    if not isinstance(public, bool | None):
        raise _refuse("is_public", f"must be true or false, not {public!r:.100}")
    return ProgramSpec(**_metadata(document), is_public=bool(public))


def update_document(update: ProgramUpdate) -> dict[str, Any]:
    """Return the body of ``PATCH /programs/{id}``."""
    schemas = without_none({name: getattr(update, name) for name in _SCHEMAS})
    return without_none(
        {
            "name": update.name,
            "description": update.description,
            "cost": update.cost,
            "tags": None if update.tags is None else list(update.tags),
            "spec": {name: dict(schema) for name, schema in schemas.items()} or None,
        }
    )


def parse_program_update(document: Document) -> ProgramUpdate:
    """Read the body of ``PATCH /programs/{id}``.

    Raises:
        InvalidInputError: A value cannot be used.
    """
    return ProgramUpdate(**_metadata(document))


def _metadata(document: Document) -> dict[str, Any]:
    """Return the fields that an upload and an update have in common, where they are given."""
    found: dict[str, Any] = {}
    for name in (*_TEXTS, "cost"):
        if document.get(name) is not None:
            found[name] = document[name]
    tags = document.get("tags")
    if tags is not None:
        if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
            raise _refuse("tags", "must be a list of 1 to 5 texts of 1 to 24 characters")
        found["tags"] = tags
    spec = document.get("spec")
    if spec is None:
        return found
    if not isinstance(spec, Mapping):
        raise _refuse("spec", f"must be an object, not {spec!r:.100}")
    unknown = sorted(spec.keys() - set(_SCHEMAS))
    if unknown:
        raise _refuse("spec", f"has no member {unknown[0]!r}, only {', '.join(_SCHEMAS)}")
    return found | without_none(dict(spec))


# --- interim results ---------------------------------------------------------------------------


def interim_text(results: Iterable[bytes]) -> Iterable[bytes]:
    """Yield the pieces of what the older endpoint answers: all results as one JSON list."""
    between = b"["
    for result in results:
        yield between + result
        between = b","
    yield b"[]" if between == b"[" else b"]"


def interim_document(page: InterimResults) -> dict[str, Any]:
    """Return a page of interim results, each as the text that it is."""
    return {
        "start": page.start,
        "results": [result.decode("utf-8", "replace") for result in page.results],
        "complete": page.complete,
    }


@reading
def parse_interim(document: object) -> InterimResults:
    """Read a page of interim results.

    Raises:
        ProtocolError: It is no such document.
    """
    read = Reader(document, "interim results")
    return InterimResults(
        start=read.integer("start") or 0,
        results=tuple(text.encode() for text in read.texts("results")),
        complete=read.flag("complete"),
    )


def failure_event(error: SwqrError) -> bytes:
    """Return the event that tells why no more results follow."""
    return f"event: error\ndata: {json.dumps({'message': str(error)})}\n\n".encode()


def interim_events(page: InterimResults) -> bytes:
    """Return a page as server-sent events.

    Each result is an event whose id is the position behind it: a reader that sends the last one
    back in ``Last-Event-ID`` goes on there. The event ``end`` says that nothing follows.
    """
    parts: list[str] = []
    for position, result in enumerate(page.results, page.start + 1):
        text = result.decode("utf-8", "replace").replace("\r", " ")  # only a blank in JSON
        lines = "".join(f"data: {line}\n" for line in text.split("\n"))
        parts.append(f"id: {position}\n{lines}\n")
    if page.complete:
        parts.append(f"event: end\ndata: {json.dumps({'count': page.next})}\n\n")
    return "".join(parts).encode()
