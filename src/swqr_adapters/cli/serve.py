"""``swqr serve``: IBM's REST interface on a socket, over any transport."""

import asyncio
import json
import os
import shlex
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click
from attrs import field, frozen

from swqr_core.errors import ConfigurationError, MissingExtraError

if TYPE_CHECKING:
    from swqr_adapters.cli.behind import Behind

__all__ = ["serve"]

T = TypeVar("T")

_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
_CONTROL_KEY: Final = "SWQR_CONTROL_KEY"


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option(
    "--port", default=8787, show_default=True, type=click.IntRange(0, 65535),
    help="Where to listen; 0 picks a free port.",
)  # fmt: skip
@click.option(
    "--transport",
    "url",
    default="memory://",
    show_default=True,
    help="What to serve: a URL or a profile.",
)
@click.option("--api-key", "keys", multiple=True, help="A key that may be used; may be repeated.")
@click.option("--ready-file", type=click.Path(path_type=Path), help="Written when it is ready.")
@click.option("--print-env", is_flag=True, help="Print shell exports for official clients.")
@click.option("--fleet", type=click.Path(path_type=Path), help="A TOML file of the cloud's shape.")
@click.option(
    "--store", help="Where jobs and sessions outlive the server: a path or sqlite:/// URL."
)
@click.option(
    "--programs",
    type=click.Choice(["isolated", "limits", "off"]),
    help="Whether uploaded programs run; off by default where other machines can reach it.",
)
@click.option(
    "--grace", default=30.0, show_default=True, type=click.FloatRange(0),
    help="Seconds that running jobs get when the server is stopped.",
)  # fmt: skip
@click.option(
    "--requests-per-minute", type=click.IntRange(1), help="How many may come with one key."
)
@click.option("--jobs-per-minute", type=click.IntRange(1), help="How many, likewise.")
@click.option(
    "--audit-log", type=click.Path(path_type=Path), help="A file of who asked for which change."
)
def serve(  # noqa: PLR0913 - the options of the command
    *,
    host: str,
    port: int,
    url: str,
    keys: tuple[str, ...],
    ready_file: Path | None,
    print_env: bool,
    fleet: Path | None,
    store: str | None,
    programs: str | None,
    grace: float,
    requests_per_minute: int | None,
    jobs_per_minute: int | None,
    audit_log: Path | None,
) -> None:
    """Serve IBM's REST interface over any transport.

    Without --api-key, and without keys in the fleet file, any key is good; then the server only
    listens on this machine. The environment variable SWQR_CONTROL_KEY gives the control surface
    under /_swqr/ a key of its own; without it, the surface is for this machine alone.
    """
    try:
        import aiohttp  # noqa: F401
        import jwt  # noqa: F401
        import prometheus_client  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("swqr serve", "server") from error
    asyncio.run(
        _serve(
            host=host,
            port=port,
            url=url,
            keys=keys,
            fleet=fleet,
            store=store,
            programs=programs,
            grace=grace,
            limits={
                "requests_per_minute": requests_per_minute,
                "jobs_per_minute": jobs_per_minute,
            },
            audit_log=audit_log,
            announce=lambda ready: _announce(ready, ready_file, print_env=print_env),
        )
    )


@frozen(kw_only=True)
class _Ready:
    """What a client needs to know.

    Attributes:
        url: Where the server is.
        crn: The CRN of the first instance.
        token: A key that may be used.
        workspace: The slug of the Strangeworks workspace that the key opens.
        product: The slug of the product of its first resource.
        resource: The slug of that resource.
    """

    url: str
    crn: str
    workspace: str
    product: str
    resource: str
    token: str = field(repr=False)

    def document(self) -> dict[str, str]:
        return {
            "url": self.url,
            "api_base": f"{self.url}/api/v1",
            "iam_url": f"{self.url}/iam",
            "crn": self.crn,
            "token": self.token,
            "workspace": self.workspace,
            "product": self.product,
            "resource": self.resource,
        }

    def exports(self) -> str:
        """Return shell text after which unmodified official programs find the server."""
        profile = f"STRANGEWORKS_CONFIG_{self.workspace.upper().replace('-', '_')}"
        values = {
            # A URL with this word is taken as it is, port and path included.
            "QISKIT_IBM_URL": f"{self.url}/experimental/api/v1",
            "QISKIT_IBM_CHANNEL": "ibm_quantum_platform",
            "QISKIT_IBM_INSTANCE": self.crn,
            "QISKIT_IBM_TOKEN": self.token,
            "IAM_URL": f"{self.url}/iam",
            "QISKIT_FUNCTIONS_EXPERIMENTAL": "1",
            # The profile of a file would win over these, and is not touched either.
            "STRANGEWORKS_CONFIG_PATH": os.devnull,
            "STRANGEWORKS_CONFIG_DEFAULT_URL": self.url,
            "STRANGEWORKS_CONFIG_DEFAULT_API_KEY": self.token,
            # After login the profile is the workspace.
            f"{profile}_URL": self.url,
            f"{profile}_API_KEY": self.token,
        }
        return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in values.items())


def _announce(ready: _Ready, ready_file: Path | None, *, print_env: bool) -> None:
    if ready_file is not None:
        # Whoever waits for the file must never see half of it; it holds a secret.
        part = ready_file.with_name(f".{ready_file.name}.{os.getpid()}")
        try:
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
                json.dump(ready.document(), out)
            part.replace(ready_file)
        except OSError as error:
            raise ConfigurationError("--ready-file", f"cannot be written: {error}") from error
    # With --print-env standard output is shell text, for `eval`.
    click.echo(f"swqr serves {ready.url}", err=print_env)
    if print_env:
        click.echo(ready.exports())
    sys.stdout.flush()


async def _ready(url: str, behind: "Behind") -> _Ready:
    from swqr_adapters.server.platform.workspaces import space_of

    account = await behind.ring.account(behind.token)
    if account is None:
        raise RuntimeError("the server's own key opens nothing")
    space = space_of(account)
    resource = space.chosen(None, None)[0].resource
    return _Ready(
        url=url,
        crn=behind.instance.id,
        token=behind.token,
        workspace=space.workspace.slug,
        product=resource.product,
        resource=resource.slug,
    )


def _stop_at(number: int, loop: asyncio.AbstractEventLoop, stopped: asyncio.Event) -> None:
    """Set an event when a signal comes."""
    try:
        loop.add_signal_handler(number, stopped.set)
    except NotImplementedError:  # on Windows loops know no signals
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(stopped.set))


async def _unless(stopped: asyncio.Event, making: Coroutine[Any, Any, T]) -> T | None:
    """Return what is being made, or None if it is given up: reaching a platform may take long."""
    made, stop = asyncio.ensure_future(making), asyncio.ensure_future(stopped.wait())
    try:
        await asyncio.wait((made, stop), return_when=asyncio.FIRST_COMPLETED)
        if made.done():
            return made.result()
        made.cancel()
        await asyncio.gather(made, return_exceptions=True)
        return None
    finally:
        stop.cancel()


async def _serve(  # noqa: PLR0913 - the options of the command
    *,
    host: str,
    port: int,
    url: str,
    keys: tuple[str, ...],
    fleet: Path | None,
    store: str | None,
    programs: str | None,
    grace: float,
    limits: Mapping[str, int | None],
    audit_log: Path | None,
    announce: Callable[[_Ready], None],
) -> None:
    from swqr_adapters.cli.behind import make_behind
    from swqr_adapters.server.audit import AuditFile
    from swqr_adapters.server.hosting import Server
    from swqr_adapters.server.providers import Allowance
    from swqr_adapters.server.service import Service
    from swqr_adapters.server.settings import ServerSettings

    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        _stop_at(number, loop, stopped)
    settings = ServerSettings(
        control_key=os.environ.get(_CONTROL_KEY) or None, allowance=Allowance(**limits)
    )
    try:
        audit = None if audit_log is None else AuditFile(audit_log)
    except OSError as error:
        raise ConfigurationError("--audit-log", f"cannot be written: {error}") from error
    making = make_behind(url, keys, fleet, local=host in _LOOPBACK, store=store, programs=programs)
    behind = await _unless(stopped, making)
    if behind is None:
        return
    service = Service(behind.ring, settings, control=behind.control, audit=audit)
    server = Server(service, host=host, port=port)
    try:
        try:
            address = await server.start()
        except OSError as error:
            raise ConfigurationError(
                "--host and --port", f"cannot listen there: {error.strerror or error}"
            ) from error
        announce(await _ready(address, behind))
        await stopped.wait()
        service.draining = True
        await behind.wait_for_jobs(grace)
    finally:
        await server.aclose()
