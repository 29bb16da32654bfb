"""Whether this Python checks at all."""

from swqr_core.errors import ConfigurationError

__all__ = ["need_assertions"]


def need_assertions() -> None:
    """Refuse to check where nothing could fail: optimised Python leaves assertions out.

    pytest puts its own in their place, even there.

    Raises:
        ConfigurationError: Assertions are left out here.
    """
    try:
        assert not __name__
    except AssertionError:
        return
    raise ConfigurationError(
        "python -O", "leaves out what the kit checks: run it without -O and PYTHONOPTIMIZE"
    )
