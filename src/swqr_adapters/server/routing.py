"""From a path to what answers it."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_to_bytes

from aiohttp import web
from attrs import field, frozen

__all__ = ["Place", "Route", "Router", "place_of", "segments_of"]

if TYPE_CHECKING:
    from .call import Call

Answer = Callable[["Call"], Awaitable[web.StreamResponse]]

_API: Final = re.compile(r"/api/v1(?=/|$)")
# A client whose address of the platform ends in a slash sends two.
_PLATFORM: Final = re.compile(r"/+(?=sdk$|(?:users|product)/token$|(?:products|files)/)")
_ENDINGS: Final = (
    ("/identity/token", "iam"),
    ("/v3/resources/search", "search"),
    ("/openapi.json", "document"),
)
_PAGE: Final = frozenset({"/", "/_swqr/page.css", "/_swqr/page.js"})
_MOST_SEGMENTS: Final = 8


@frozen
class Route:
    """One thing that can be asked.

    Attributes:
        method: The HTTP method.
        template: The path below the base; ``{name}`` is one segment of any content.
        answer: What answers.
        group: What it belongs to: ``runtime`` needs an instance, the others do not.
        reads: Whether it changes nothing although its method may.
    """

    method: str
    template: str
    answer: Answer = field(eq=False, repr=False)
    group: str = "runtime"
    reads: bool = False


@frozen
class Place:
    """Where a path points.

    Attributes:
        group: ``runtime``, ``iam``, ``search``, ``resources``, ``platform``, ``graphql``,
            ``control``, ``document`` or ``page``.
        rest: The path below the base, still encoded.
        legacy: Whether the base is that of the older interface.
    """

    group: str
    rest: str
    legacy: bool = False


def place_of(path: str) -> Place:
    """Return where an encoded path points. Any prefix may stand before ``/api/v1``."""
    if path in _PAGE or path.startswith("/_swqr"):
        owned = ("page", path) if path in _PAGE else ("control", path.removeprefix("/_swqr"))
        return Place(*owned)
    platform = _PLATFORM.match(path)
    if platform is not None:
        rest = path[platform.end() - 1 :]
        return Place("graphql" if rest == "/sdk" else "platform", rest)
    for ending, group in _ENDINGS:
        if path.endswith(ending):
            return Place(group, ending)
    base = _API.search(path)
    if base is not None:
        return Place("runtime", path[base.end() :])
    _, found, rest = path.partition("/v2/resource_instances")
    if found and rest[:1] in {"", "/"}:
        return Place("resources", found + rest)
    legacy = path.startswith("/runtime/")
    return Place("runtime", path.removeprefix("/runtime") if legacy else path, legacy)


def segments_of(rest: str) -> tuple[str, ...] | None:
    """Return the decoded segments of a path, or None if one cannot be an id of anything.

    An encoded slash is part of its segment.
    """
    parts = rest.removeprefix("/").split("/")
    if len(parts) > _MOST_SEGMENTS:
        return None
    if "%" not in rest:
        return tuple(parts)
    try:
        return tuple(unquote_to_bytes(part).decode() for part in parts)
    except UnicodeDecodeError:
        return None


class _Node:
    """What may follow a beginning of a path."""

    __slots__ = ("any", "methods", "named")

    def __init__(self) -> None:
        self.named: dict[str, _Node] = {}
        self.any: _Node | None = None
        self.methods: dict[str, Route] = {}


class Router:
    """Finds the route of a method and a path.

    Args:
        routes: All routes of one group.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
        self.routes = tuple(routes)
        for route in self.routes:
            node = self._root
            for part in route.template[1:].split("/"):
                if part.startswith("{"):
                    node.any = node = node.any or _Node()
                else:
                    node = node.named.setdefault(part, _Node())
            node.methods[route.method] = route

    def find(self, segments: tuple[str, ...]) -> tuple[Mapping[str, Route], tuple[str, ...]] | None:
        """Return the routes of a path by method, and what stood for its names; None if none."""
        node, names = self._root, []
        for segment in segments:
            following = node.named.get(segment)
            if following is None:
                following = node.any
                if following is None:
                    return None
                names.append(segment)
            node = following
        return (node.methods, tuple(names)) if node.methods else None
