"""``swqr jobs``: list them, look at one, cancel some."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import click
from click.core import ParameterSource

from swqr_adapters.execution.text import printable
from swqr_core.config.connect import system_clock
from swqr_core.lifecycle.job import JobState
from swqr_core.model.ids import BackendName, ProgramId, SessionId
from swqr_core.model.job import Job
from swqr_core.model.query import JobQuery, Page

from .common import (
    document,
    each_of,
    json_option,
    opened,
    print_json,
    print_page,
    print_table,
    profile_option,
    seconds,
    since,
    table,
)
from .recovering import recovered, tell_of_others
from .watching import check_watch, every_option, watch, watch_option

__all__ = ["jobs"]

_COLUMNS = ("JOB", "PROGRAM", "BACKEND", "STATE", "PLACE", "ELAPSED", "USAGE", "SESSION")
_PENDING: Any = frozenset(state for state in JobState if not state.ended)


@click.group(invoke_without_command=True)
@click.pass_context
@profile_option
@json_option
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice([state.value for state in JobState]),
    help="Only these states; may be repeated.",
)
@click.option("--pending", is_flag=True, help="Only those that have not ended.")
@click.option("--backend", help="Only on this backend.")
@click.option("--program", help="Only of this program.")
@click.option("--session", help="Only in this session.")
@click.option("--tag", "tags", multiple=True, help="Only with this tag; may be repeated.")
@click.option("--since", "after", metavar="TIME|2h", help="Only those that came after.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 200))
@click.option(
    "--journal",
    is_flag=True,
    help="Those that programs on this machine submitted, wherever to, even if they crashed.",
)
@watch_option
@every_option
def jobs(  # noqa: PLR0913 - one for each option
    ctx: click.Context,
    *,
    profile: str | None,
    as_json: bool,
    states: tuple[str, ...],
    pending: bool,
    backend: str | None,
    program: str | None,
    session: str | None,
    tags: tuple[str, ...],
    after: str | None,
    limit: int,
    journal: bool,
    watch: bool,
    every: float,
) -> None:
    """List the jobs, the newest first."""
    if ctx.invoked_subcommand is not None:
        ctx.obj = profile
        return
    limited = ctx.get_parameter_source("limit") is ParameterSource.COMMANDLINE
    filters = (states, pending, backend, program, session, tags, after, limited)
    check_watch(watch=watch, as_json=as_json, alone="--journal" if journal else "", filters=filters)
    if journal:
        # Two profiles may lead to the same place.
        found = {job.id: job.snapshot for one in recovered(profile) for job in one.jobs}
        print_page(
            Page(items=tuple(found.values()), total=len(found)), _COLUMNS, _rows, as_json=as_json
        )
        return
    wanted: Any = frozenset(map(JobState, states))
    query = JobQuery(
        states=_PENDING if pending else wanted,
        backend=None if backend is None else BackendName(backend),
        program_id=None if program is None else ProgramId(program),
        session_id=None if session is None else SessionId(session),
        tags=tags,
        created_after=since(after, system_clock().now()),
        limit=limit,
    )
    if watch:
        _watch(profile, query, every)
        return
    with opened(profile) as runtime:
        page = runtime.jobs(query)
        tell_of_others(runtime)
    print_page(page, _COLUMNS, _rows, as_json=as_json)


def _watch(profile: str | None, query: JobQuery, every: float) -> None:
    with opened(profile) as runtime:
        # Those that are there at the beginning are followed to their end.
        ids = [job.id for job in runtime.jobs(query)]
        known: dict[str, Job] = {}

        def look() -> tuple[Any, bool]:
            for id in ids:
                if id not in known or not known[id].state.ended:
                    known[id] = runtime.job(id)
            found = list(known.values())
            moves = any(not job.state.ended for job in found)
            return table(_COLUMNS, _rows(found, system_clock().now())), moves

        watch(runtime, look, every=every, stop="swqr jobs cancel", profile=profile)


def _rows(found: Iterable[Job], now: datetime) -> list[tuple[object, ...]]:
    return [
        (
            job.id,
            job.spec.program_id,
            job.spec.backend,
            job.state,
            job.queue_position,
            elapsed(job, now),
            seconds(job.usage.quantum_seconds),
            job.spec.session_id,
        )
        for job in found
    ]


def elapsed(job: Job, now: datetime) -> str:
    """Return how long a job has run, or has waited so far."""
    start = job.running_at or job.created_at
    return seconds(max(0.0, ((job.ended_at or now) - start).total_seconds()))


@jobs.command()
@click.argument("job_id")
@profile_option
@json_option
@click.option("--logs", is_flag=True, help="Print its log instead.")
@click.pass_obj
def show(outer: str | None, *, job_id: str, profile: str | None, as_json: bool, logs: bool) -> None:
    """Show one job."""
    with opened(profile or outer) as runtime:
        if logs:
            click.echo(printable(runtime.logs(job_id)))
            return
        job = runtime.job(job_id)
    if as_json:
        print_json(document(job))
        return
    rows = [
        ("job", job.id),
        ("program", job.spec.program_id),
        ("backend", job.spec.backend),
        ("session", job.spec.session_id),
        ("state", job.state),
        ("why", job.reason),
        ("what to do", job.reason_solution),
        ("place in the queue", job.queue_position),
        ("accepted", job.created_at),
        ("started", job.running_at),
        ("ended", job.ended_at),
        ("usage", seconds(job.usage.quantum_seconds)),
        ("tags", ", ".join(job.spec.tags)),
    ]
    print_table(("", ""), [row for row in rows if row[1] not in (None, "")])


@jobs.command()
@click.argument("job_ids", nargs=-1, required=True)
@profile_option
@click.pass_obj
def cancel(outer: str | None, *, job_ids: tuple[str, ...], profile: str | None) -> int:
    """Cancel jobs that are queued or running."""
    with opened(profile or outer) as runtime:
        return each_of(job_ids, runtime.cancel_job, "cancelled")
