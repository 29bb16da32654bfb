"""The one room that knows an HTTP client. No type of aiohttp or httpx leaves it."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .aiohttp_engine import AiohttpEngine as AiohttpEngine
    from .client import HttpClient as HttpClient
    from .client import is_loopback as is_loopback
    from .client import with_query as with_query
    from .httpx_engine import HttpxEngine as HttpxEngine
    from .messages import AnswerLostError as AnswerLostError
    from .messages import Deadlines as Deadlines
    from .messages import HttpAnswer as HttpAnswer
    from .messages import HttpEngine as HttpEngine
    from .messages import Request as Request
    from .messages import Response as Response
    from .retry import RetryPolicy as RetryPolicy
    from .retry import retry_after as retry_after
    from .secret import Secret as Secret

__all__ = [
    "AiohttpEngine",
    "AnswerLostError",
    "Deadlines",
    "HttpAnswer",
    "HttpClient",
    "HttpEngine",
    "HttpxEngine",
    "Request",
    "Response",
    "RetryPolicy",
    "Secret",
    "is_loopback",
    "retry_after",
    "with_query",
]

_HOME = {
    "AiohttpEngine": ".aiohttp_engine",
    "AnswerLostError": ".messages",
    "Deadlines": ".messages",
    "HttpAnswer": ".messages",
    "HttpClient": ".client",
    "HttpEngine": ".messages",
    "HttpxEngine": ".httpx_engine",
    "Request": ".messages",
    "Response": ".messages",
    "RetryPolicy": ".retry",
    "Secret": ".secret",
    "is_loopback": ".client",
    "retry_after": ".retry",
    "with_query": ".client",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = import_module(_HOME[name], __name__)
    except ModuleNotFoundError as error:
        if error.name not in {"aiohttp", "httpx", "yarl"}:
            raise
        from swqr_core.errors import MissingExtraError

        raise MissingExtraError("HTTP", "http") from error
    value = getattr(module, name)
    globals()[name] = value
    return value
