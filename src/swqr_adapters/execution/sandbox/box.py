"""The process of one sandbox, from its start to its end, and the folder around it."""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack

from attrs import evolve

from swqr_adapters.execution.frames import Frame
from swqr_adapters.execution.supervisor import WorkerProcess

from .limits import SandboxLimits
from .surroundings import surroundings

__all__ = ["Box"]


class Box:
    """A sandbox for one program, or for one check. Made and used on one event loop.

    Nobody listens at first; what speaks before it is spoken to is killed.

    Args:
        limits: What it may use.
        namespaces: Whether it gets a file system of its own.
        ahead: Whether it gets ready for a program before there is one.

    Raises:
        OSError: It cannot be started.
    """

    def __init__(self, limits: SandboxLimits, *, namespaces: bool, ahead: bool = False) -> None:
        loop = asyncio.get_running_loop()
        self._gone: asyncio.Future[None] = loop.create_future()
        self._on_end: Callable[[WorkerProcess, int], None] = lambda _, __: None
        with ExitStack() as stack:
            settings = stack.enter_context(surroundings(limits, namespaces=namespaces))
            self.process = WorkerProcess(
                evolve(settings, ahead=ahead),
                b"",
                threads=1,
                loop=loop,
                on_frame=lambda process, _: process.kill(),
                on_garble=lambda process, _: process.kill(),
                on_end=self._ended,
            )
            self._around = stack.pop_all()

    @property
    def alive(self) -> bool:
        """Whether it lives, as far as was heard."""
        return not self._gone.done()

    def hear(
        self,
        on_frame: Callable[[WorkerProcess, Frame], None],
        on_garble: Callable[[WorkerProcess, str], None],
        on_end: Callable[[WorkerProcess, int], None],
    ) -> None:
        """Let somebody hear what it says from now on, and how it ends."""
        self._on_end = on_end
        self.process.hear(on_frame, on_garble, self._ended)

    async def aclose(self) -> None:
        """Kill it with all that it has started, and wait until that is done. Twice is fine."""
        self.process.kill()
        await asyncio.shield(self._gone)

    def _ended(self, process: WorkerProcess, returncode: int) -> None:
        self._on_end(process, returncode)
        self._around.close()
        if not self._gone.done():
            self._gone.set_result(None)
