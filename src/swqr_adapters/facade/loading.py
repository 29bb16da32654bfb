"""Imports that take seconds, made as short as they can be."""

import atexit
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

__all__ = ["quick_import"]

# CPython 3.12 starts with some hundred objects that are exempt from collection.
_FROZEN_AT_START: Final = 1000


@contextmanager
def quick_import() -> Iterator[None]:
    """Import without looking for garbage in between: there is none, and looking takes long.

    What was imported counts as old afterwards, for freezing and unfreezing puts it there, so that
    the next collections of what is young do not go through it. All of it stays collectable, but at
    the interpreter's end: looking through it once more would take longer than a job.
    """
    if f"{__package__}.contract" in sys.modules or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        if gc.get_freeze_count() < _FROZEN_AT_START:  # what the program froze stays frozen
            gc.freeze()
            gc.unfreeze()
            atexit.register(gc.freeze)
        gc.enable()
