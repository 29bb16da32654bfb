"""Finding harnesses by name."""

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points
from typing import Final

from swqr_core.errors import ConfigurationError

from .harness import Harness

__all__ = ["GROUP", "find_harness"]

GROUP: Final = "swqr.harnesses"
"""The group of entry points that name harnesses."""


def find_harness(name: str) -> Callable[[], Harness]:
    """Return what makes a harness.

    Args:
        name: An entry point of the group ``swqr.harnesses``, or ``module:name``.

    Raises:
        ConfigurationError: There is no such harness.
    """
    if ":" in name:
        module, _, attribute = name.partition(":")
        if not all(module.split(".")):  # empty, or relative to nothing
            raise ConfigurationError("platform", f"{name!r} begins with no module's full name")
        try:
            made: Callable[[], Harness] = getattr(import_module(module), attribute)
        except ModuleNotFoundError as error:
            where = "`python -m` looks in the current folder, too"
            problem = f"there is no {name!r}: {error}; {where}"
            raise ConfigurationError("platform", problem) from error
        except (ImportError, AttributeError) as error:
            raise ConfigurationError("platform", f"there is no {name!r}: {error}") from error
        return made
    for point in entry_points(group=GROUP, name=name):
        found: Callable[[], Harness] = point.load()
        return found
    known = sorted(point.name for point in entry_points(group=GROUP))
    raise ConfigurationError("platform", f"{name!r} is none of: {', '.join(known)}")
