"""The documented classes over the scripted transport."""

from collections.abc import Callable
from typing import Any

import pytest

from swqr_adapters.facade.strangeworks import (
    StrangeworksQiskitRuntimeService,
    StrangeworksRuntimeClient,
)
from swqr_core.runtime.blocking import Runtime


@pytest.fixture
def service(runtime: Runtime) -> StrangeworksQiskitRuntimeService:
    return StrangeworksQiskitRuntimeService(runtime=runtime)


@pytest.fixture
def client(runtime: Runtime) -> StrangeworksRuntimeClient:
    return StrangeworksRuntimeClient("ibm_cloud", runtime=runtime)


@pytest.fixture
def run(service: StrangeworksQiskitRuntimeService, transport: Any) -> Callable[..., Any]:
    """Run a program whose job becomes what is said."""

    def submit(fate: dict[str, Any] | None = None, **options: Any) -> Any:
        transport.script = [fate or {}]
        return service.run("other", {"a": 1}, {"backend": "ibm_manila", **options})

    return submit
