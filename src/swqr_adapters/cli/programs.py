"""``swqr programs``: list them, upload, show, run, publish and delete them."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from swqr_adapters.execution.text import printable
from swqr_core.errors import InvalidInputError
from swqr_core.model.ids import BackendName, ProgramId, SessionId
from swqr_core.model.job import JobSpec
from swqr_core.model.program import Program, ProgramSpec
from swqr_core.model.query import ProgramQuery

from .common import (
    document,
    job_goes_on,
    json_option,
    opened,
    print_json,
    print_page,
    print_table,
    profile_option,
)

__all__ = ["programs"]

_COLUMNS = ("PROGRAM", "NAME", "OWNER", "PUBLIC", "COST", "TAGS", "CHANGED")
_SCHEMAS = ("backend_requirements", "parameters", "return_values", "interim_results")
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group(invoke_without_command=True)
@click.pass_context
@profile_option
@json_option
@click.option("--name", help="Only of this name.")
@click.option("--search", help="Only with this text in their name or description.")
@click.option("--tag", "tags", multiple=True, help="Only with this tag; may be repeated.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 200))
def programs(
    ctx: click.Context,
    *,
    profile: str | None,
    as_json: bool,
    name: str | None,
    search: str | None,
    tags: tuple[str, ...],
    limit: int,
) -> None:
    """List the programs that you may run."""
    if ctx.invoked_subcommand is not None:
        ctx.obj = profile
        return
    with opened(profile, lasting=False) as runtime:
        page = runtime.programs(ProgramQuery(name=name, search=search, tags=tags, limit=limit))
    print_page(page, _COLUMNS, _rows, as_json=as_json)


def _rows(found: Iterable[Program], _: datetime) -> list[tuple[object, ...]]:
    return [
        (
            one.id,
            one.spec.name,
            one.owner or "built in",
            "yes" if one.spec.is_public else "no",
            f"{one.spec.cost} s",
            ", ".join(one.spec.tags),
            one.updated_at,
        )
        for one in found
    ]


@programs.command()
@click.argument("file", type=_FILE)
@profile_option
@json_option
@click.option("--name", help="Its name; that of the file if left out.")
@click.option(
    "--metadata",
    type=_FILE,
    help="A JSON file with name, description, cost, tags and spec, as the interface takes them.",
)
@click.option("--description", help="What it is for.")
@click.option("--cost", type=click.IntRange(1), help="Seconds that a run may take.")
@click.option("--tag", "tags", multiple=True, help="A tag; may be repeated.")
@click.option("--public", is_flag=True, help="Let everybody run it.")
@click.pass_obj
def upload(  # noqa: PLR0913 - one for each option
    outer: str | None,
    *,
    file: Path,
    profile: str | None,
    as_json: bool,
    name: str | None,
    metadata: Path | None,
    description: str | None,
    cost: int | None,
    tags: tuple[str, ...],
    public: bool,
) -> None:
    """Upload a file of Python source with a function main(backend, user_messenger, **kwargs)."""
    fields: dict[str, Any] = _metadata(metadata) if metadata is not None else {}
    given = {"name": name, "description": description, "cost": cost, "tags": tags or None}
    fields |= {field: value for field, value in given.items() if value is not None}
    fields.setdefault("name", file.stem[:52])
    spec = ProgramSpec(**fields, is_public=public)
    with opened(profile or outer) as runtime:
        program = runtime.add_program(spec, file.read_bytes())
    if as_json:
        print_json(document(program))
    else:
        click.echo(printable(program.id))


def _metadata(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInputError("--metadata", f"cannot be read: {error}") from error
    if not isinstance(found, Mapping) or not isinstance(found.get("spec", {}), Mapping):
        raise InvalidInputError("--metadata", "must be a JSON object, and its spec one too")
    flat = {**{k: v for k, v in found.items() if k != "spec"}, **found.get("spec", {})}
    known = {"name", "description", "cost", "tags", *_SCHEMAS}
    unknown = sorted(flat.keys() - known - {"is_public", "max_execution_time"})
    if unknown:
        known_names = ", ".join(sorted(known))
        raise InvalidInputError("--metadata", f"has no member {unknown[0]!r}, only {known_names}")
    if "max_execution_time" in flat:
        flat.setdefault("cost", flat["max_execution_time"])
    return {name: value for name, value in flat.items() if name in known}


@programs.command()
@click.argument("program_id")
@profile_option
@json_option
@click.option("--source", is_flag=True, help="Print its source instead; only your own have one.")
@click.pass_obj
def show(
    outer: str | None, *, program_id: str, profile: str | None, as_json: bool, source: bool
) -> None:
    """Show one program."""
    with opened(profile or outer, lasting=False) as runtime:
        if source:
            click.echo(printable(runtime.program_source(program_id).decode()), nl=False)
            return
        program = runtime.program(program_id)
    if as_json:
        print_json(document(program))
        return
    spec = program.spec
    schemas = [(name, json.dumps(dict(getattr(spec, name)))) for name in _SCHEMAS]
    rows = [
        ("program", program.id),
        ("name", spec.name),
        ("description", spec.description),
        ("owner", program.owner or "built in"),
        ("public", "yes" if spec.is_public else "no"),
        ("cost", f"{spec.cost} s"),
        ("tags", ", ".join(spec.tags)),
        ("uploaded", program.created_at),
        ("changed", program.updated_at),
        *((name, text) for name, text in schemas if text != "{}"),
    ]
    print_table(("", ""), [row for row in rows if row[1] not in (None, "")])


@programs.command()
@click.argument("program_id")
@profile_option
@click.option("--backend", required=True, help="Where to run.")
@click.option("--param", "pairs", multiple=True, metavar="NAME=JSON", help="May be repeated.")
@click.option("--params", "file", type=_FILE, help="A JSON file of all parameters instead.")
@click.option("--session", help="The session to run it in.")
@click.option("--timeout", type=click.FloatRange(0), help="Seconds to wait; for ever if left out.")
@click.pass_obj
def run(
    outer: str | None,
    *,
    program_id: str,
    profile: str | None,
    backend: str,
    pairs: tuple[str, ...],
    file: Path | None,
    session: str | None,
    timeout: float | None,
) -> None:
    """Run a program; print its interim results as they come, and then its result."""
    spec = JobSpec(
        program_id=ProgramId(program_id),
        backend=BackendName(backend),
        session_id=None if session is None else SessionId(session),
    )
    params = file.read_bytes() if file is not None else _params(pairs)
    chosen = profile or outer
    with opened(chosen) as runtime:
        callback = _show if runtime.capabilities.interim_results else None
        job = runtime.submit(spec, params, callback=callback)
        click.echo(f"job {job.id}", err=True)
        with job_goes_on(job.id, runtime, chosen):
            job.wait(timeout=timeout)
            job.callback_done()
        click.echo(job.result().decode())


def _show(_: str, result: bytes) -> None:
    click.echo(printable(result.decode()), err=True)


def _params(pairs: Iterable[str]) -> bytes:
    found: dict[str, object] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not (name and equals):
            raise InvalidInputError("--param", f"must be NAME=JSON, not {pair!r}")
        try:
            found[name] = json.loads(text)
        except ValueError:
            found[name] = text
    return json.dumps(found).encode()


@programs.command()
@click.argument("program_id")
@profile_option
@click.option("--private", is_flag=True, help="Let nobody else see it any more.")
@click.pass_obj
def publish(outer: str | None, *, program_id: str, profile: str | None, private: bool) -> None:
    """Let everybody run a program of yours."""
    with opened(profile or outer) as runtime:
        runtime.publish_program(program_id, public=not private)
    click.echo(f"{program_id} is {'private' if private else 'public'}")


@programs.command()
@click.argument("program_id")
@profile_option
@click.pass_obj
def delete(outer: str | None, *, program_id: str, profile: str | None) -> None:
    """Delete a program of yours."""
    with opened(profile or outer) as runtime:
        runtime.delete_program(program_id)
    click.echo(f"deleted {program_id}")
