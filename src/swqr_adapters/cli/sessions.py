"""``swqr sessions``: list them, look at one, close some."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from swqr_core.config.connect import system_clock
from swqr_core.lifecycle.session import SessionState
from swqr_core.model.ids import BackendName
from swqr_core.model.query import JobQuery, Page, SessionQuery
from swqr_core.model.session import Session, SessionMode
from swqr_core.model.timeline import Timeline

from .common import (
    brief,
    document,
    each_of,
    json_option,
    opened,
    print_json,
    print_page,
    print_table,
    profile_option,
    save,
    seconds,
    since,
    table,
)
from .recovering import recovered
from .watching import check_watch, every_option, watch, watch_option

__all__ = ["sessions"]

_COLUMNS = ("SESSION", "MODE", "BACKEND", "STATE", "AGE", "USAGE", "WHY")
_OPEN: Any = frozenset(SessionState) - {SessionState.CLOSED}


@click.group(invoke_without_command=True)
@click.pass_context
@profile_option
@json_option
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice([state.value for state in SessionState]),
    help="Only these states; may be repeated.",
)
@click.option("--open", "open_only", is_flag=True, help="Only those that are not closed.")
@click.option("--mode", type=click.Choice([mode.value for mode in SessionMode]))
@click.option("--backend", help="Only on this backend.")
@click.option("--since", "after", metavar="TIME|2h", help="Only those that were opened after.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 200))
@click.option(
    "--orphans",
    is_flag=True,
    help="Those that programs on this machine left open, wherever, because they crashed.",
)
@watch_option
@every_option
def sessions(  # noqa: PLR0913 - one for each option
    ctx: click.Context,
    *,
    profile: str | None,
    as_json: bool,
    states: tuple[str, ...],
    open_only: bool,
    mode: str | None,
    backend: str | None,
    after: str | None,
    limit: int,
    orphans: bool,
    watch: bool,
    every: float,
) -> None:
    """List the sessions and batches, the newest first."""
    if ctx.invoked_subcommand is not None:
        ctx.obj = profile
        return
    limited = ctx.get_parameter_source("limit") is ParameterSource.COMMANDLINE
    filters = (states, open_only, mode, backend, after, limited)
    check_watch(watch=watch, as_json=as_json, alone="--orphans" if orphans else "", filters=filters)
    if orphans:
        # Two profiles may lead to the same place.
        found = {one.id: one.snapshot for left in recovered(profile) for one in left.sessions}
        print_page(
            Page(items=tuple(found.values()), total=len(found)), _COLUMNS, _rows, as_json=as_json
        )
        return
    wanted: Any = frozenset(map(SessionState, states))
    query = SessionQuery(
        states=_OPEN if open_only else wanted,
        mode=None if mode is None else SessionMode(mode),
        backend=None if backend is None else BackendName(backend),
        created_after=since(after, system_clock().now()),
        limit=limit,
    )
    if watch:
        _watch(profile, query, every)
        return
    with opened(profile) as runtime:
        page = runtime.sessions(query)
    print_page(page, _COLUMNS, _rows, as_json=as_json)


def _watch(profile: str | None, query: SessionQuery, every: float) -> None:
    with opened(profile) as runtime:
        ids = [one.id for one in runtime.sessions(query)]

        def look() -> tuple[Any, bool]:
            found = [runtime.session(id) for id in ids]
            moves = any(one.state is not SessionState.CLOSED for one in found)
            return table(_COLUMNS, _rows(found, system_clock().now())), moves

        watch(runtime, look, every=every, stop="swqr sessions close", profile=profile)


def _rows(found: Iterable[Session], now: datetime) -> list[tuple[object, ...]]:
    return [
        (
            one.id,
            one.mode,
            one.backend,
            one.state,
            None if one.created_at is None else seconds((one.closed_at or now) - one.created_at),
            seconds(one.usage_seconds),
            one.reason,
        )
        for one in found
    ]


@sessions.command()
@click.argument("session_id")
@profile_option
@json_option
@click.option(
    "--timeline",
    "picture",
    metavar="FILE",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    help="Save a picture of its life there, as SVG ('-' for standard output), and show no more.",
)
@click.pass_obj
def show(
    outer: str | None,
    *,
    session_id: str,
    profile: str | None,
    as_json: bool,
    picture: Path | None,
) -> None:
    """Show one session: its times, its limits, its life and its jobs."""
    with opened(profile or outer) as runtime:
        if picture is not None:
            _draw(runtime.attach_session(session_id).timeline(), picture)
            return
        one = runtime.session(session_id)
        page = runtime.jobs(JobQuery(session_id=one.id, newest_first=False))
    if as_json:
        print_json({**document(one), "jobs": [document(job) for job in page]})
        return
    rows = [
        ("session", one.id),
        ("mode", one.mode),
        ("backend", one.backend),
        ("state", one.state),
        ("why", one.reason),
        ("opened", one.created_at),
        ("first job", one.started_at),
        ("closed", one.closed_at),
        ("longest life", None if one.max_ttl is None else seconds(one.max_ttl)),
        ("may idle", None if one.interactive_ttl is None else seconds(one.interactive_ttl)),
        ("usage", seconds(one.usage_seconds)),
        ("jobs", page.total),
    ]
    print_table(("", ""), [row for row in rows if row[1] not in (None, "")])
    if one.steps:
        click.echo()
        print_table(("STATE", "AT", "WHY"), [(s.state, s.at, s.reason) for s in one.steps])
    if page.items:
        click.echo()
        print_table(
            ("JOB", "PROGRAM", "STATE", "USAGE"),
            [
                (j.id, j.spec.program_id, brief(j.state), seconds(j.usage.quantum_seconds))
                for j in page
            ],
        )


def _draw(timeline: Timeline, file: Path) -> None:
    if str(file) == "-":
        click.echo(timeline.svg)
        return
    save(file, timeline.svg.encode())
    click.echo(f"saved {file}")


@sessions.command()
@click.argument("session_ids", nargs=-1, required=True)
@profile_option
@click.pass_obj
def close(outer: str | None, *, session_ids: tuple[str, ...], profile: str | None) -> int:
    """Let sessions take no new jobs; what they accepted still runs."""
    with opened(profile or outer) as runtime:
        return each_of(session_ids, runtime.drain_session, "closed")


@sessions.command()
@click.argument("session_ids", nargs=-1, required=True)
@profile_option
@click.pass_obj
def cancel(outer: str | None, *, session_ids: tuple[str, ...], profile: str | None) -> int:
    """Close sessions now; their queued jobs do not run."""
    with opened(profile or outer) as runtime:
        return each_of(session_ids, runtime.cancel_session, "cancelled")
