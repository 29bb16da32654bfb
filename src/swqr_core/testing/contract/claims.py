"""How a claim becomes a test: asks for what it needs, runs it on a loop, and cleans up."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, Final

import pytest
from attrs import fields_dict

from swqr_core.model.capabilities import Capabilities
from swqr_core.testing.harness import Control, Harness
from swqr_core.testing.patience import WaitedInVain, new_runner, patience

from .world import World

__all__ = ["claim"]

_CAPABILITIES: Final = frozenset(fields_dict(Capabilities)) - {"transport"}

_Claim = Callable[[Any, World], Awaitable[None]]
_Test = Callable[[Any, Harness], None]


def claim(*needs: Control | str) -> Callable[[_Claim], _Test]:
    """Make a test of a coroutine method that takes a ``World``.

    The test is an ordinary function, so no plugin for asyncio is needed and none gets in the way.

    Args:
        needs: Controls of the harness and names of capabilities. The test is skipped where one
            is missing, with its name as the reason.
    """
    wrong = [need for need in needs if not isinstance(need, Control) and need not in _CAPABILITIES]
    if wrong:
        raise ValueError(f"no such capability: {', '.join(wrong)}")

    def decorate(promise: _Claim) -> _Test:
        def test(self: Any, harness: Harness) -> None:
            with new_runner() as runner:
                runner.run(_settle(promise, self, harness, needs))

        # Not functools.wraps: its __wrapped__ would show pytest the signature of the coroutine.
        for name in ("__name__", "__qualname__", "__module__", "__doc__"):
            setattr(test, name, getattr(promise, name))
        return test

    return decorate


async def _settle(
    promise: _Claim, self: object, harness: Harness, needs: tuple[Control | str, ...]
) -> None:
    for need in needs:
        if isinstance(need, Control) and need not in harness.controls:
            pytest.skip(f"the harness has no control over: {need.value}")
    world: World | None = None
    try:
        async with patience(harness.patience, "the test did not end"), AsyncExitStack() as stack:
            await harness.start()
            stack.push_async_callback(harness.stop)
            world = await stack.enter_async_context(World.of(harness))
            for need in needs:
                if not isinstance(need, Control) and not getattr(world.capabilities, need):
                    pytest.skip(f"the transport lacks the capability: {need}")
            await promise(self, world)
    except WaitedInVain as error:
        pytest.fail(str(error) if world is None else f"{error}\n{world.asked}")
    except (Exception, pytest.fail.Exception) as error:
        if world is not None:
            error.add_note(str(world.asked))
        raise
