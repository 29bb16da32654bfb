"""JSON text from outside, as plain values."""

import json
from typing import Any

from .budget import Budget
from .errors import MalformedPayloadError, UnsafePayloadError

__all__ = ["parse", "too_deep"]


def parse(data: bytes | str, budget: Budget) -> Any:
    """Return plain JSON values, with tags untouched.

    Raises:
        UnsafePayloadError: It is larger or deeper than the budget allows.
        MalformedPayloadError: It is no UTF-8 JSON.
    """
    if len(data) > budget.document:
        raise UnsafePayloadError(
            "$", f"{len(data)} bytes, at most {budget.document} are decoded: split the job"
        )
    try:
        return json.loads(data if isinstance(data, str) else str(data, "utf-8"))
    except RecursionError:
        raise UnsafePayloadError("$", too_deep(budget)) from None
    except ValueError as exc:  # also not UTF-8, and integers of thousands of digits
        raise MalformedPayloadError("$", f"not JSON: {exc}") from exc


def too_deep(budget: Budget) -> str:
    """Return the sentence for a document that is nested too deep."""
    return f"lists and objects are nested deeper than {budget.depth} levels: flatten them"
