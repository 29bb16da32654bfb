"""Whoever looks at what holds a key does not see it: the run's search for it does the rest."""

import logging
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from swqr_adapters.storage.tapes import record
from swqr_adapters.transports.ibm import IbmTransport
from swqr_core.errors import SwqrError
from swqr_core.model.job import JobSpec

from .conftest import Ibm, refusal


async def test_no_recording_log_repr_or_traceback_holds_a_key(
    ibm: Ibm,
    connect: Callable[..., Awaitable[IbmTransport]],
    spec: JobSpec,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    transport = await connect()
    seen = [transport, vars(transport)] if hasattr(transport, "__dict__") else [transport]
    tape = tmp_path / "tape.json"
    recorder = await record(transport, {"file": str(tape)})
    await recorder.submit(spec, b"{}", key="k-1")
    ibm.fail("GET", "/backends", refusal(401, 1200, "not authorized"), times=9)

    with pytest.raises(SwqrError) as caught:
        await recorder.backends()
    await recorder.aclose()

    print(seen, repr(recorder), caplog.text)  # noqa: T201 - to be searched
    print(*traceback.format_exception(caught.value))  # noqa: T201
    assert ibm.tokens
    assert tape.exists()
