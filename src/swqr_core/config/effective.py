"""What is in force: what a profile says, and what its transport and wrappers take by themselves."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from attrs import field, fields, frozen

from swqr_core.errors import ConfigurationError, MissingExtraError

from .connect import TRANSPORTS, WRAPPERS, load_point
from .profile import NOBODY, Profile, Setting
from .secret import HIDDEN, SecretReference, SecretText

__all__ = ["Reads", "effective_settings", "reads"]

F = TypeVar("F", bound=Callable[..., Any])
Told = Callable[[Mapping[str, str]], Mapping[str, Setting]]


@frozen(kw_only=True)
class Reads:
    """What a factory reads.

    Attributes:
        kind: The attrs class that its settings make, with one ``reading.setting`` for each.
        location: The setting that a location stands for, if it does for one.
        told: Says what others say, for example an account's file, where the given texts do not;
            a key is a ``SecretText`` in both.
    """

    kind: type
    location: str | None = None
    told: Told | None = field(default=None, repr=False)


def reads(kind: type, *, location: str | None = None, told: Told | None = None) -> Callable[[F], F]:
    """Say of a factory of transports or wrappers what it reads, so that it can be shown.

    The arguments are those of ``Reads``. A factory that does not say works as well; then nobody can
    show what it takes where a profile says nothing.
    """

    def mark(factory: F) -> F:
        factory.reads = Reads(kind=kind, location=location, told=told)  # type: ignore[attr-defined]
        return factory

    return mark


def effective_settings(profile: Profile) -> Iterator[tuple[str, Setting]]:
    """Yield every setting in force and its name, the transport's first and then each wrapper's.

    What nobody says has ``the default`` as its origin, and no text if there is no usual value. No
    secret is fetched. A mistake comes after all that the profile says itself was yielded.

    Raises:
        ConfigurationError: There is no such transport or wrapper, it cannot be loaded, or a
            setting cannot be used.
        MissingExtraError: A package that it needs is not installed.
    """
    problems: list[Exception] = []
    transport = str(profile.transport.value)
    yield from _part(TRANSPORTS, transport, profile.settings, problems, profile.location)
    for one in profile.wrappers:
        yield "wrap", Setting(name="wrap", value=one.name, origin=one.origin)
        for name, setting in _part(WRAPPERS, one.name, one.settings, problems):
            yield f"{one.name}.{name}", setting
    if problems:
        raise problems[0]


def _part(
    group: str,
    name: str,
    said: Mapping[str, Setting],
    problems: list[Exception],
    location: str = "",
) -> list[tuple[str, Setting]]:
    """Return the settings of a transport or of a wrapper by name."""
    unsaid: dict[str, Setting] = {}
    try:
        unsaid = _unsaid(load_point(group, name), said, location)
    except (ConfigurationError, MissingExtraError) as error:
        problems.append(error)
    return sorted({**unsaid, **said}.items())


def _unsaid(factory: object, said: Mapping[str, Setting], location: str) -> dict[str, Setting]:
    """Return what a factory takes where the profile says nothing."""
    known = getattr(factory, "reads", None)
    if not isinstance(known, Reads):
        return {}
    found = {
        one.name: Setting(name=one.name, value=_text(one.default), origin=NOBODY)
        for one in fields(known.kind)
    }
    texts = {name: _given(one) for name, one in said.items()}
    if known.location is not None and location:
        del found[known.location]
        texts[known.location] = location
    if known.told is not None:
        found |= known.told(texts)
    return found


def _given(one: Setting) -> str:
    return SecretText(HIDDEN) if isinstance(one.value, SecretReference) else one.value


def _text(value: object) -> str:
    """Return a value as it would stand in a URL; nothing for none."""
    match value:
        case bool():
            return "on" if value else "off"
        case float() if value.is_integer():
            return str(int(value))
        case tuple():
            return ",".join(map(_text, value))
        case _:
            return "" if value is None else str(value)
