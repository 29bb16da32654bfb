"""What ``swqr serve`` serves: a cloud in this process, or the way to another one."""

import asyncio
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click
from attrs import define, field

from swqr_adapters.fleet.file import load_fleet
from swqr_adapters.server.controls import Control
from swqr_adapters.server.providers import Account, Allowance, KeyRing
from swqr_core.clock import VirtualClock
from swqr_core.config.connect import connect_transport, parse_url
from swqr_core.errors import ConfigurationError, SwqrError
from swqr_core.lifecycle.job import JobState
from swqr_core.model.capabilities import Capabilities
from swqr_core.model.principal import Instance, Principal
from swqr_core.model.query import JobQuery
from swqr_core.ports.transport import RuntimeTransport

__all__ = ["Behind", "make_behind"]

_KEY_BYTES: Final = 33  # 44 characters, as long as the real ones
_PAUSE: Final = 0.05  # seconds
_LONGEST_PAUSE: Final = 2.0
_STRANGERS: Final = "4G"
"""Memory for a job of whoever can reach the server from another machine."""


@define(kw_only=True)
class Behind:
    """What is behind a server.

    Attributes:
        ring: The keys, and the transports that they open.
        instance: The instance that a client may begin with.
        token: A key that may be used in it.
        control: What the control surface may do.
    """

    ring: KeyRing
    instance: Instance
    token: str = field(repr=False)
    control: Control

    async def wait_for_jobs(self, seconds: float) -> None:
        """Wait until no job runs, or that long; the port tells of no such event."""
        pause = _PAUSE
        try:
            async with asyncio.timeout(seconds):
                while await self._running():
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE)  # it may be somebody else's platform
        except TimeoutError:
            click.echo("swqr: stopped although jobs were running", err=True)
        except SwqrError as error:
            click.echo(f"swqr: stopped, and jobs may be running: {error}", err=True)

    async def _running(self) -> bool:
        states: Any = {JobState.RUNNING}
        for account in await self.ring.accounts():
            for instance in account.instances:
                principal = Principal(user=account.user, instance=instance.id)
                transport = await self.ring.transport(principal)
                if (await transport.jobs(JobQuery(states=states, limit=1))).total:
                    return True
        return False


async def make_behind(
    url: str,
    keys: tuple[str, ...],
    fleet: Path | None,
    *,
    local: bool,
    store: str | None = None,
    programs: str | None = None,
) -> Behind:
    """Make what is behind a server.

    Args:
        url: The transport, by its URL or the name of a profile.
        keys: The API keys that may be used.
        fleet: The file that shapes the in-memory cloud.
        local: Whether only this machine can reach the server; then it may go without keys.
        store: Where the in-memory cloud keeps its jobs and sessions: a path or a URL.
        programs: Whether uploaded programs run on the in-memory cloud; None for what its settings
            say, and otherwise only if *local*.

    Raises:
        ConfigurationError: The transport cannot be made, anybody could use it, or nothing here
            limits what strangers compute.
    """
    # A profile is served as it is, with its wrappers and for its principal alone.
    name, location, settings = parse_url(url) if "://" in url else ("", "", {})
    if name == "memory":
        if location.strip("/"):
            raise ConfigurationError("--transport", "the in-memory cloud has no location")
        if fleet is not None:
            settings["fleet"] = str(fleet)
        if store is not None:
            settings["store"] = store
        if programs is not None:
            settings["programs"] = programs
        if not local:
            _guard(settings)
        return await _cloud(settings, keys, local=local)
    if fleet is not None:
        raise ConfigurationError("--fleet", "shapes the in-memory cloud, and nothing else")
    if programs is not None:
        raise ConfigurationError("--programs", "is for the in-memory cloud, and nothing else")
    if store is not None:
        raise ConfigurationError("--store", "is for the in-memory cloud, and nothing else")
    transport = await connect_transport(url)
    return await _gateway(transport, keys, local=local)


def _guard(settings: dict[str, str]) -> None:
    """Complete the settings of a cloud to which strangers may have keys.

    Their source runs only if somebody says so, and their circuits within a limit of memory.

    Raises:
        ConfigurationError: Nothing here limits it.
    """
    settings.setdefault("programs", "off")
    if "memory_limit" in settings or settings.get("execution") == "threads":
        return
    if sys.platform != "linux":
        raise ConfigurationError(
            "--host",
            "other machines' circuits need a limit of memory, which Linux alone has: listen on "
            "127.0.0.1, or say --transport 'memory://?memory_limit=none' to run them without one",
        )
    settings["memory_limit"] = _STRANGERS


async def _cloud(settings: Mapping[str, str], keys: tuple[str, ...], *, local: bool) -> Behind:
    """Serve a cloud of this process; every user and instance sees their own."""
    from swqr_adapters.transports.memory.settings import CloudSettings, open_cloud

    given = dict(settings)
    kind = given.pop("clock", "system")
    if kind not in {"system", "virtual"}:
        raise ConfigurationError("--transport", f"clock must be system or virtual, not {kind!r}")
    clock = VirtualClock() if kind == "virtual" else None  # the control surface moves it
    parsed = CloudSettings.parse(given)
    cloud = await open_cloud(parsed, clock=clock)
    everything = Account(user=parsed.user, instances=cloud.instances)
    accounts = dict.fromkeys(keys, everything)
    for key in load_fleet(Path(parsed.fleet)).keys if parsed.fleet else ():
        opened = [
            one for one in cloud.instances if key.instances is None or one.id in key.instances
        ]
        allowance = Allowance(**key.limits) if key.limits else None
        accounts[key.secret] = Account(user=key.user, instances=opened, allowance=allowance)

    async def bind(principal: Principal) -> RuntimeTransport:
        return cloud.transport(principal)

    async def close() -> None:
        await cloud.aclose()

    async def reset() -> None:
        nonlocal cloud
        before, cloud = cloud, await open_cloud(parsed, clock=clock)
        await ring.forget_transports()
        await before.aclose()

    ring, token = _ring(
        bind,
        capabilities=cloud.transport().capabilities,
        accounts=accounts,
        everything=everything,
        close=close,
        local=local,
    )
    first = accounts.get(token, everything).instances
    # What is meant to last is not forgotten by a request.
    control = Control(reset=reset if parsed.store is None else None, clock=clock)
    return Behind(ring=ring, instance=first[0], token=token, control=control)


async def _gateway(transport: RuntimeTransport, keys: tuple[str, ...], *, local: bool) -> Behind:
    """Serve one transport: whoever has a key acts for its principal."""
    principal = transport.principal
    mine = [one for one in await transport.instances() if one.id == principal.instance]
    everything = Account(user=principal.user, instances=mine or [Instance(id=principal.instance)])

    async def bind(_: Principal) -> RuntimeTransport:
        return transport

    ring, token = _ring(
        bind,
        capabilities=transport.capabilities,
        accounts=dict.fromkeys(keys, everything),
        everything=everything,
        close=transport.aclose,
        local=local,
    )
    return Behind(ring=ring, instance=everything.instances[0], token=token, control=Control())


def _ring(
    bind: Any,
    *,
    capabilities: Capabilities,
    accounts: Mapping[str, Account],
    everything: Account,
    close: Any,
    local: bool,
) -> tuple[KeyRing, str]:
    """Return the keys, and one of them."""
    if not accounts and not local:
        raise ConfigurationError(
            "--api-key",
            "give at least one: this server can be reached from other machines, and without keys "
            "anybody could use it",
        )
    token = next(iter(accounts), None) or secrets.token_urlsafe(_KEY_BYTES)
    ring = KeyRing(
        bind,
        capabilities=capabilities,
        keys=accounts,
        anybody=None if accounts else everything,
        close=close,
    )
    return ring, token
