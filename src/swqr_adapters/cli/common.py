"""What the commands have in common: which transport, and how answers are printed."""

import json
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs
import click
from click.shell_completion import CompletionItem

from swqr_adapters.execution.text import one_line, printable
from swqr_core.config.connect import system_clock, system_settings, transport_names
from swqr_core.errors import (
    ConfigurationError,
    InvalidInputError,
    NotFoundError,
    StateConflictError,
)
from swqr_core.model.duration import parse_seconds
from swqr_core.model.query import Page

from .exits import exit_code

if TYPE_CHECKING:
    from swqr_core.runtime.blocking import Runtime

__all__ = [
    "brief",
    "console",
    "document",
    "each_of",
    "job_goes_on",
    "json_option",
    "opened",
    "print_json",
    "print_page",
    "print_table",
    "profile_option",
    "save",
    "saying",
    "seconds",
    "since",
    "table",
    "with_profile",
]

F = TypeVar("F", bound=Callable[..., Any])

_ALONE: Final = (
    "swqr: this is an in-memory cloud of its own, which ends with the command; to share one, run "
    "'swqr serve' and say --profile http://127.0.0.1:8787"
)
_WHOLE: Final = 10_000  # characters
_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86_400


def _profiles(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """Propose the names of profiles and transports to a shell."""
    try:
        files = system_settings().files()
    except ConfigurationError:
        files = ()
    names = [name for file in files for name in dict(file.content.get("profiles", {}))]  # type: ignore[call-overload]
    urls = [f"{name}://" for name in transport_names()]
    return [CompletionItem(one) for one in (*names, *urls) if one.startswith(begun)]


def profile_option(function: F) -> F:
    """Add ``--profile``."""
    return click.option(
        "-p",
        "--profile",
        metavar="NAME|URL",
        shell_complete=_profiles,
        help="The profile, or the URL of a transport; the active profile if left out.",
    )(function)


def json_option(function: F) -> F:
    """Add ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)


@contextmanager
def opened(profile: str | None, *, lasting: bool = True) -> Iterator["Runtime"]:
    """Connect to what a profile or a URL names, and close it in the end.

    Args:
        profile: Its name or URL; None for the active one.
        lasting: Whether the command is about work of before; then a cloud that has none says so.
    """
    from swqr_core.runtime.blocking import Runtime

    with Runtime.connect(profile) as runtime:
        if lasting and not runtime.capabilities.lasting:
            click.echo(_ALONE, err=True)
        yield runtime


def with_profile(command: str, profile: str | None) -> str:
    """Return a command for the profile that this one was given."""
    return command if profile is None else f"{command} -p {shlex.quote(profile)}"


def job_goes_on(
    job_id: str, runtime: "Runtime", profile: str | None
) -> AbstractContextManager[None]:
    """Say at Ctrl-C that a job goes on, and how to wait for it and how to cancel it."""
    wait = with_profile(f"swqr results {job_id}", profile)
    cancel = with_profile(f"swqr jobs cancel {job_id}", profile)
    return saying(f"job {job_id} goes on; '{wait}' waits for it, '{cancel}' cancels it", runtime)


@contextmanager
def saying(words: str, runtime: "Runtime") -> Iterator[None]:
    """Say something at Ctrl-C, if there is work that outlives the command."""
    try:
        yield
    except KeyboardInterrupt:
        if runtime.capabilities.lasting:
            click.echo(f"swqr: {words}", err=True)
        raise


def each_of(ids: Iterable[str], act: Callable[[str], None], done: str) -> int:
    """Do something to each of several things, and say so.

    What cannot be done to one, because it is not there or has moved on, is told, and the others
    are not kept waiting.

    Args:
        ids: The things.
        act: What to do.
        done: What was done, in words.

    Returns:
        0, or the code of the first that it could not be done to.
    """
    code = 0
    for id in ids:
        try:
            act(id)
        except (NotFoundError, StateConflictError) as error:
            click.echo(f"swqr: {printable(str(error))}", err=True)
            code = code or exit_code(error)
        else:
            click.echo(f"{done} {id}")
    return code


# --- answers -----------------------------------------------------------------------------------


def document(thing: Any) -> dict[str, Any]:
    """Return a snapshot as plain JSON values, under the names of its attributes."""
    found: dict[str, Any] = attrs.asdict(thing, value_serializer=_plain)
    return found


def _plain(_: object, __: object, value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case Enum():
            return value.value
        case Mapping():
            return dict(value)
        case _:
            return value


def print_json(value: object) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(value, indent=2, default=str))


def print_page(
    page: Page[Any],
    columns: Iterable[str],
    rows: Callable[[Iterable[Any], datetime], Iterable[Iterable[object]]],
    *,
    as_json: bool,
) -> None:
    """Print a page of snapshots, and whether there are more.

    Args:
        page: The page.
        columns: The heads of its columns.
        rows: Makes rows of its items and of the time.
        as_json: Whether to print JSON.
    """
    if as_json:
        print_json([document(one) for one in page])
        return
    print_table(columns, rows(page, system_clock().now()))
    if page.total > len(page):
        click.echo(f"{len(page)} of {page.total}; --limit shows more", err=True)


def print_table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Print rows under their columns; what comes from a platform cannot steer the terminal."""
    console().print(table(columns, rows))


def save(file: Path, content: bytes) -> None:
    """Write a file.

    Raises:
        click.FileError: It cannot be written.
    """
    try:
        file.write_bytes(content)
    except OSError as error:
        raise click.FileError(str(file), error.strerror) from error


def console() -> Any:
    """Return a console that breaks lines for people and leaves them whole for programs."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else _WHOLE)


def table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> Any:
    """Return a table for rich."""
    from rich.table import Table
    from rich.text import Text

    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column)
    for row in rows:
        made.add_row(*(Text(brief(cell)) for cell in row))
    return made


def brief(value: object) -> str:
    """Return a value as one line for people."""
    match value:
        case None | "":
            return "-"
        case Enum():
            return str(value.value)
        case datetime():
            return f"{value:%Y-%m-%d %H:%M:%S} UTC"
        case _:
            return one_line(str(value))


def seconds(value: float | timedelta | None) -> str:
    """Return a duration for people, for example ``2m 05s``."""
    if value is None:
        return "-"
    amount = value.total_seconds() if isinstance(value, timedelta) else value
    if amount < _MINUTE:
        return f"{amount:.1f}s"
    if amount < _HOUR:
        return f"{int(amount // _MINUTE)}m {int(amount % _MINUTE):02}s"
    if amount < _DAY:
        return f"{int(amount // _HOUR)}h {int(amount % _HOUR // _MINUTE):02}m"
    return f"{int(amount // _DAY)}d {int(amount % _DAY // _HOUR):02}h"


def since(text: str | None, now: datetime) -> datetime | None:
    """Read a moment: an ISO 8601 time, or how long ago, for example ``2h``.

    Raises:
        InvalidInputError: It is neither.
    """
    if text is None:
        return None
    try:
        return _moment(text, now)
    except (ValueError, OverflowError):  # what is before the first year there is, too
        problem = f"must be a time such as 2026-01-31T12:00 or a duration such as 2h: {text!r}"
        raise InvalidInputError("--since", problem) from None


def _moment(text: str, now: datetime) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return now - timedelta(seconds=parse_seconds(text))
    return at.astimezone(UTC)
