"""The two decoders that every claim about decoding is made for."""

from collections.abc import Callable
from typing import Any

import pytest

from swqr_adapters.codec import Budget, decode


def _worker(text: str, budget: Budget | None = None) -> Any:
    return decode(text.encode(), budget=budget)


def _official(text: str, budget: Budget | None = None) -> Any:
    from swqr_adapters.codec.official import SafeRuntimeDecoder

    return SafeRuntimeDecoder(budget=budget).decode(text)


@pytest.fixture(params=[_worker, _official], ids=["worker", "official"], scope="session")
def read(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Return ``read(text, budget=None)`` of one of the two decoders."""
    read: Callable[..., Any] = request.param
    return read
