"""``swqr doctor``: what is not as it should be, and what to do about it."""

import sys
from collections.abc import Awaitable, Callable, Iterator
from importlib import metadata
from typing import Any, Final

import click
from attrs import asdict, frozen
from packaging.requirements import Requirement

from swqr_adapters.execution.text import printable
from swqr_core.config.connect import active_profile, connect_profile, system_clock, system_settings
from swqr_core.config.profile import Profile, Setting
from swqr_core.config.secret import SecretReference
from swqr_core.errors import (
    AccessDeniedError,
    ConfigurationError,
    SwqrError,
    UnreachableError,
    UnsupportedOperation,
)
from swqr_core.model.query import JobQuery, SessionQuery
from swqr_core.ports.transport import RuntimeTransport
from swqr_core.runtime.blocking import Runtime

from .common import json_option, print_json, print_table, profile_option
from .exits import FAILED

__all__ = ["doctor"]

_OK: Final = "ok"
_WARNING: Final = "warning"
_BROKEN: Final = "failed"
_SKEW: Final = 30.0  # seconds; a token's life is judged by both clocks


@frozen
class Finding:
    """What was looked at, and how it is.

    Attributes:
        check: What was looked at.
        state: ``ok``, ``warning`` or ``failed``.
        says: What was found.
        advice: What to do; empty if nothing.
    """

    check: str
    state: str
    says: str
    advice: str = ""


@click.command()
@profile_option
@json_option
def doctor(*, profile: str | None, as_json: bool) -> int:
    """Check versions, configuration, credentials, reachability, permissions and clocks."""
    found = [*_versions(), *_configured(profile)]
    if as_json:
        print_json([asdict(one) for one in found])
    else:
        print_table(("", "CHECK", "FOUND"), [(one.state, one.check, one.says) for one in found])
        for one in found:
            if one.advice:
                click.echo(f"\n{one.check}: {printable(one.advice)}")
    return FAILED if any(one.state == _BROKEN for one in found) else 0


# --- versions ----------------------------------------------------------------------------------


def _versions() -> Iterator[Finding]:
    yield Finding("python", _OK, sys.version.split()[0])
    yield Finding("swqr", _OK, metadata.version("swqr"))
    for name, wanted in sorted(_requirements().items()):
        try:
            there = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # an extra that nobody asked for
        if all(one.specifier.contains(there, prereleases=True) for one in wanted):
            yield Finding(name, _OK, there)
        else:
            bounds = ", ".join(sorted({str(one.specifier) for one in wanted}))
            advice = f"install another release: pip install '{name}{bounds}'"
            yield Finding(name, _BROKEN, f"{there}, and {bounds} is needed", advice)
    moved = _moved()
    if moved:
        advice = "install a release of qiskit-ibm-runtime that swqr was tested with"
        yield Finding("qiskit-ibm-runtime's seam", _BROKEN, moved, advice)


def _requirements() -> dict[str, list[Requirement]]:
    found: dict[str, list[Requirement]] = {}
    for text in metadata.requires("swqr") or []:
        one = Requirement(text)
        if one.name != "swqr":
            found.setdefault(one.name, []).append(one)
    return found


def _moved() -> str:
    """Return what the installed official client has moved; nothing if it is not there."""
    try:
        metadata.version("qiskit-ibm-runtime")
    except metadata.PackageNotFoundError:
        return ""
    try:
        from swqr_adapters.facade import contract  # noqa: F401 - importing it checks the seam
    except ConfigurationError as error:
        return str(error)
    return ""


# --- configuration and credentials -------------------------------------------------------------


def _configured(choice: str | None) -> Iterator[Finding]:
    try:
        profile = active_profile(choice)
    except ConfigurationError as error:
        yield Finding("configuration", _BROKEN, str(error), "mend it; 'swqr config' shows it")
        return
    name = f"profile {profile.name!r}" if profile.name else "no profile"
    says = f"{name}, transport {profile.transport.value} ({profile.transport.origin})"
    yield Finding("configuration", _OK, says)
    secrets = list(_secrets(profile))
    yield from secrets
    if any(one.state == _BROKEN for one in secrets):
        return
    yield from _connected(profile)


def _secrets(profile: Profile) -> Iterator[Finding]:
    settings: list[tuple[str, Setting]] = list(profile.settings.items())
    for wrapper in profile.wrappers:
        settings += [(f"{wrapper.name}.{name}", one) for name, one in wrapper.settings.items()]
    for name, one in settings:
        if not isinstance(one.value, SecretReference):
            continue
        check = f"credentials: {name}"
        try:
            system_settings().secret(one.value.kind, one.value.name, one.value.base)
        except ConfigurationError as error:
            yield Finding(check, _BROKEN, str(error), f"put it there, or mend {one.origin}")
        else:
            yield Finding(check, _OK, f"found in {one.value}")


# --- the transport -----------------------------------------------------------------------------


def _connected(profile: Profile) -> Iterator[Finding]:
    clock = system_clock()
    before = clock.monotonic()
    with Runtime(lambda: connect_profile(profile)) as runtime:
        try:
            backends = runtime.backends()
        except SwqrError as error:
            yield _refused(error)
            return
        took = clock.monotonic() - before
        yield Finding("reachability", _OK, f"{len(backends)} backends in {took:.2f} s")
        if not backends:
            advice = "ask for access to a backend, or choose another instance"
            yield Finding("backends", _WARNING, "there is none", advice)
        if runtime.capabilities.transport == "memory" and runtime.capabilities.program_uploads:
            yield _sandbox()
        yield from runtime.run(_permissions_of)
        yield from _clocks(runtime.transport)


def _sandbox() -> Finding:
    """Return how well this machine keeps uploaded programs in."""
    from swqr_adapters.execution.sandbox import probe_isolation

    offered = probe_isolation()
    state = _WARNING if offered.lacking else _OK
    return Finding("uploaded programs", state, str(offered), "; ".join(offered.lacking))


def _refused(error: SwqrError) -> Finding:
    match error:
        case UnreachableError():
            advice = "check the address, the network and the proxy; is the server running?"
            return Finding("reachability", _BROKEN, str(error), advice)
        case AccessDeniedError():
            advice = "check the key, and that it belongs to this instance"
            return Finding("credentials", _BROKEN, str(error), advice)
        case ConfigurationError():
            return Finding("configuration", _BROKEN, str(error), "mend it")
        case _:
            return Finding("reachability", _BROKEN, str(error), "try again later")


async def _permissions_of(runtime: Any) -> list[Finding]:
    transport: RuntimeTransport = runtime.transport
    asked: tuple[tuple[str, Callable[[], Awaitable[Any]]], ...] = (
        ("list jobs", lambda: transport.jobs(JobQuery(limit=1))),
        ("list sessions", lambda: transport.sessions(SessionQuery(limit=1))),
        ("see instances", transport.instances),
        ("see the usage", transport.usage),
    )
    found = []
    for what, ask in asked:
        check = f"permissions: {what}"
        try:
            answer = await ask()
        except UnsupportedOperation:
            found.append(Finding(check, _OK, "the platform has no such thing"))
        except SwqrError as error:
            advice = "ask the instance's owner for that permission, if you need it"
            found.append(Finding(check, _WARNING, str(error), advice))
        else:
            if getattr(answer, "limit_reached", False):
                advice = "nothing starts before the next period, or before the limit is raised"
                found.append(Finding(check, _WARNING, "the usage limit is reached", advice))
            else:
                found.append(Finding(check, _OK, "allowed"))
    return found


def _clocks(transport: Any) -> Iterator[Finding]:
    while hasattr(transport, "inner"):  # a wrapper has no clock of its own
        transport = transport.inner
    skew = getattr(transport, "clock_skew", None)
    if skew is None:
        yield Finding("clocks", _OK, "there is one clock only, or the platform tells no time")
    elif abs(skew) > _SKEW:
        says = f"this machine is {abs(skew):.0f} s {'ahead' if skew > 0 else 'behind'}"
        yield Finding("clocks", _WARNING, says, "let this machine set its clock (NTP)")
    else:
        yield Finding("clocks", _OK, f"within {max(1.0, abs(skew)):.0f} s of each other")
