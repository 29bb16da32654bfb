"""Coverage-guided fuzzing of what reads the bytes of strangers.

    python -m reliability._fuzz_bytes TARGET -max_total_time=60

A reader may refuse what it is given with an error of ours. Anything else is a finding.
"""

import json
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Final
from urllib.parse import parse_qsl

import atheris
from reliability._fuzz_payloads import change, examples

with atheris.instrument_imports(include=["swqr_adapters", "swqr_core"]):
    from swqr_adapters.codec import Budget, PayloadError, decode
    from swqr_adapters.server.routing import place_of, segments_of
    from swqr_adapters.wire import ibm, strangeworks
    from swqr_adapters.wire.ibm.requests import (
        Query,
        parse_accepting,
        parse_job_query,
        parse_job_submission,
        parse_session_opening,
        parse_tags_body,
    )
    from swqr_adapters.wire.nesting import quote, unquote
    from swqr_adapters.wire.splicing import split
    from swqr_core.config.url import parse_url
    from swqr_core.errors import SwqrError

__all__ = ["TARGETS"]

_MIB: Final = 2**20


def payload(data: bytes) -> None:
    """Decode parameters and results."""
    budget = Budget(document=_MIB, inflated=_MIB, circuit=_MIB, qubits=100, clbits=100)
    with suppress(PayloadError):
        decode(data, budget=budget)


def body(data: bytes) -> None:
    """Take request bodies apart; what is cut out is what a JSON parser finds there."""
    try:
        parts = split(data, "params")
    except SwqrError:
        return
    if parts.value is not None:
        assert repr(json.loads(data)["params"]) == repr(json.loads(parts.value))
    for parse in (parse_job_submission, parse_session_opening, parse_accepting, parse_tags_body):
        with suppress(SwqrError):
            parse(parts.head)


def address(data: bytes) -> None:
    """Find out where a path leads, and what a query asks for."""
    text = data.decode("latin-1")
    path, _, query = text.partition("?")
    segments_of(place_of(path).rest)
    with suppress(SwqrError):
        parse_url(text)
    with suppress(SwqrError, ValueError):
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=200)
        parse_job_query(Query(pairs))


def answer(data: bytes) -> None:
    """Read what platforms answer."""
    ibm.parse_refusal(data)
    strangeworks.parse_refusal(data)
    try:
        document = ibm.load(data, "answer")
    except SwqrError:
        return
    for parse in (ibm.parse_job_page, ibm.parse_versions, ibm.parse_session):
        with suppress(SwqrError):
            parse(document)


def text(data: bytes) -> None:
    """Put text inside text, and take it out again."""
    with suppress(SwqrError):
        unquote(data)
    with suppress(UnicodeDecodeError):
        data.decode()
        assert unquote(quote(data)) == data


TARGETS: Final[Mapping[str, Callable[[bytes], None]]] = MappingProxyType(
    {one.__name__: one for one in (payload, body, address, answer, text)}
)
_SEEDS: Final = {
    "body": [
        b'{"program_id": "sampler", "backend": "b", "params": {"pubs": [1e5, NaN]}, "tags": ["a"]}',
        b'{"mode": "batch", "backend": "b", "max_ttl": 5, "params": "\\u00e9"}',
        b'{"accepting_jobs": false}',
    ],
    "address": [
        b"/x/api/v1/jobs/a%2Fb?limit=5&tags=a&created_after=2026-01-01T00:00:00%2B00:00",
        b"memory://?seed=7&noise=on",
    ],
    "answer": [
        b'{"errors": [{"code": 1305, "message": "m"}], "trace": "t"}',
        b'{"jobs": [{"id": "a", "state": {"status": "Queued"}}], "count": 1, "limit": 1}',
        b'{"versions": [{"version": "2026-04-15", "status": "live"}], "idempotency": true}',
    ],
    "text": [b'"a\\u00e9\\ud83d\\ude00"', "é".encode()],
}


def _change(data: bytes, size: int, seed: int) -> bytes:
    return change(data, size, seed, atheris.Mutate)


def main() -> None:
    """Fuzz one target; libFuzzer's options follow its name."""
    name, *options = sys.argv[1:]
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(examples() if name == "payload" else _SEEDS[name]):
            Path(folder, str(number)).write_bytes(seed)
            TARGETS[name](seed)  # what it imports is not on its clock
        more = {"custom_mutator": _change} if name == "payload" else {}
        atheris.Setup([sys.argv[0], *options, folder], TARGETS[name], **more)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
