"""Records what goes over a transport, and plays it again without one."""

import json
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Final, TypeVar

from swqr_core.errors import ClosedError, SwqrError, TransportError
from swqr_core.model.capabilities import Capabilities
from swqr_core.model.job import Job
from swqr_core.model.payload import Payload
from swqr_core.model.principal import Principal
from swqr_core.model.program import InterimResults
from swqr_core.model.query import Page
from swqr_core.ports.transport import RuntimeTransport

from .delegation import COMMANDS, Call, EveryCall, TransportWrapper
from .scrubbing import Scrubber
from .tape import Tape, TapeEntry, decode, encode

__all__ = ["RecordingTransport", "ReplayTransport"]

T = TypeVar("T")

_VARYING: Final = frozenset({"key", "timeout"})
"""Arguments that differ from run to run and do not change what an answer says."""


class RecordingTransport(TransportWrapper):
    """Passes everything on, and records it without secrets.

    ``tape.dumps()`` gives the recording as text, to be kept beside a test. Users and instances
    appear under stand-ins; fields whose names tell a secret are removed; so are the parameters and
    results of private jobs. Other parameters and results are kept, under their digest: name what
    must not be kept of them in *secrets*, or leave them out with *keep_payloads*.

    Args:
        inner: The transport underneath.
        secrets: Texts that must not be in the recording, wherever they stand.
        keep_payloads: Whether parameters, results and documents of backends are kept; their
            digests always are. Without its bytes a payload is played as ``{}``.

    Attributes:
        tape: What was recorded so far.
    """

    def __init__(
        self, inner: RuntimeTransport, *, secrets: Collection[str] = (), keep_payloads: bool = True
    ) -> None:
        super().__init__(inner)
        self._scrubber = Scrubber(secrets)
        self._keep_payloads = keep_payloads
        self._private: dict[str, bool] = {}
        self.tape = Tape(inner.capabilities, self._safe(inner.principal))

    async def _around(self, call: Call, act: Callable[[], Awaitable[T]]) -> T:
        # Asked before the call: a private result can be read only once, a deleted job not at all.
        hidden = await self._is_private(call)
        try:
            answer = await act()
        except SwqrError as error:
            self._record(call, error=type(error).__name__, error_fields=encode(error.args))
            raise
        self._notice(answer)
        if self._keep_payloads and not hidden:
            more = answer.results if isinstance(answer, InterimResults) else ()
            for value in (*call.arguments.values(), answer, *more):
                if isinstance(value, bytes):
                    digest = Payload.of(value).digest
                    self.tape.payloads[digest] = self._scrubber.scrub_bytes(value)
        self._record(call, answer=encode(answer))
        return answer

    def _record(self, call: Call, **outcome: Any) -> None:
        arguments = {name: encode(value) for name, value in call.arguments.items()}
        self.tape.entries.append(
            TapeEntry(
                method=call.method,
                arguments=self._scrubber.scrub(arguments),
                **{name: self._scrubber.scrub(value) for name, value in outcome.items()},
            )
        )

    def _safe(self, principal: Principal) -> Principal:
        safe: Principal = decode(self._scrubber.scrub(encode(principal)), {})
        return safe

    async def _is_private(self, call: Call) -> bool:
        spec = call.arguments.get("spec")
        if call.method not in {"interim_results", "params", "result"}:
            return bool(getattr(spec, "private", False))
        job_id = call.handle
        if job_id not in self._private:
            try:
                self._notice(await self._inner.job(job_id))
            except SwqrError:
                return True
        return self._private.get(job_id, True)

    def _notice(self, answer: object) -> None:
        for job in answer.items if isinstance(answer, Page) else (answer,):
            if isinstance(job, Job):
                self._private[job.id] = job.spec.private


class ReplayTransport(EveryCall):
    """The ``RuntimeTransport`` port played from a recording: a test double that asks nobody.

    A call is answered with what the same call was answered when it was recorded; idempotency keys
    and timeouts need not be the same. Where it was made several times, the answers come in their
    order, and the last one stays for queries. No time passes.

    Args:
        tape: The recording.
        secrets: Those that the recording was made with, if the calls contain any.
    """

    def __init__(self, tape: Tape, *, secrets: Collection[str] = ()) -> None:
        self._tape = tape
        self._scrubber = Scrubber(secrets)
        self._closed = False
        self._answers: dict[str, deque[TapeEntry]] = {}
        for entry in tape.entries:
            key = _same(entry.method, entry.arguments)
            self._answers.setdefault(key, deque()).append(entry)

    def __repr__(self) -> str:
        return f"<ReplayTransport of {len(self._tape.entries)} calls>"

    @property
    def capabilities(self) -> Capabilities:
        """What the recorded transport could do."""
        return self._tape.capabilities

    @property
    def principal(self) -> Principal:
        """Whom it acted for, under a stand-in's name."""
        return self._tape.principal

    async def aclose(self) -> None:
        """Answer nothing any more. Closing twice is fine."""
        self._closed = True

    async def _around(self, call: Call, act: Callable[[], Awaitable[T]]) -> T:  # noqa: ARG002
        if self._closed:
            raise ClosedError("the replay transport")
        arguments = {name: encode(value) for name, value in call.arguments.items()}
        answers = self._answers.get(_same(call.method, self._scrubber.scrub(arguments)))
        if not answers:
            raise TransportError(
                "replay",
                f"{call.method} was not recorded with these arguments: the program must ask the "
                f"same again, so give what draws lots, such as a transpiler, a seed: {arguments}",
            )
        stays = len(answers) == 1 and call.method not in COMMANDS
        entry = answers[0] if stays else answers.popleft()
        if entry.error is not None:
            raise _error(entry.error)(*decode(entry.error_fields, {}))
        answer: T = decode(entry.answer, self._tape.payloads)
        return answer


def _same(method: str, arguments: Mapping[str, Any]) -> str:
    """Return what two calls have in common that are the same."""
    telling = {name: value for name, value in arguments.items() if name not in _VARYING}
    return json.dumps([method, telling], sort_keys=True)


def _error(name: str) -> type[SwqrError]:
    """Return the error of that name; one that this swqr does not have is a ``SwqrError``."""
    kinds: list[type[SwqrError]] = [SwqrError]
    for kind in kinds:  # it grows meanwhile
        if kind.__name__ == name:
            return kind
        kinds += kind.__subclasses__()
    return SwqrError
