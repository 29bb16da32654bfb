"""No class shows a secret that it holds, however it is made."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from typing import Any

import attrs

import swqr_adapters
import swqr_core
from swqr_adapters.http import Secret

NAMED = re.compile(r"(token|secret|password|api_?key|control_key|credentials?)")
SHOWN = re.compile(r"_(env|file|seconds)$")  # where a secret stands, or for how long it is good
CANARY = "a-secret-that-must-not-be-seen"


def holders() -> Iterator[tuple[type[Any], str]]:
    """Give every class of ours with a field that is named like a secret, and that field."""
    for root in (swqr_core, swqr_adapters):
        for module in pkgutil.walk_packages(root.__path__, f"{root.__name__}."):
            if module.name.endswith(".__main__") or ".testing" in module.name:
                continue
            for made in vars(importlib.import_module(module.name)).values():
                if not (isinstance(made, type) and made.__module__ == module.name):
                    continue
                for one in attrs.fields(made) if attrs.has(made) else ():
                    kind = one.type
                    if NAMED.search(one.name) and not SHOWN.search(one.name) and kind is not bool:
                        yield made, one.name


def shows(made: type[Any], name: str) -> bool:
    """Return whether an instance shows what its field holds."""
    one = object.__new__(made)
    wrapped = "Secret" in str(attrs.fields_dict(made)[name].type)
    for other in attrs.fields(made):
        object.__setattr__(one, other.name, 0)
    object.__setattr__(one, name, Secret(CANARY) if wrapped else CANARY)
    return CANARY in f"{one!r} {one}"


def test_no_class_shows_a_field_that_is_named_like_a_secret() -> None:
    found = list(holders())

    assert len(found) >= 8
    assert [(made.__qualname__, name) for made, name in found if shows(made, name)] == []


def test_one_that_did_would_be_found() -> None:
    assert shows(attrs.make_class("Careless", ["token"]), "token")
