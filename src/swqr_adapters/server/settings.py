"""What a server may be told, and the limits that keep it alive among strangers."""

from attrs import field, frozen

from swqr_core.model.validators import integer, seconds

from .providers import Allowance

__all__ = ["ServerSettings"]

_MIB = 2**20


@frozen(kw_only=True)
class ServerSettings:
    """Settings of a server.

    Attributes:
        max_body_bytes: The largest request body.
        bodies_in_flight_bytes: All larger bodies and results that are on their way at one moment
            together; further ones wait.
        max_depth: How deep the JSON of a body may be nested.
        max_header_bytes: The longest request line, and the longest header.
        read_timeout: Seconds in which the next piece of a body must arrive.
        body_timeout: Seconds in which a whole body must arrive.
        write_timeout: Seconds in which a reader must take the next piece of an answer.
        idle_timeout: Seconds that a connection may go without a request.
        max_connections: How many connections may be open at one moment; further ones are closed.
        token_seconds: For how long a token is good, and the signed URL of an upload.
        workspace_bytes: How much all uploaded files of a Strangeworks workspace may take together.
        allowance: How much may be asked for with a key for which nothing else is said.
        control_key: The key of the control surface; None to serve it to this machine alone.
    """

    max_body_bytes: int = field(default=256 * _MIB, validator=integer(at_least=1024))
    bodies_in_flight_bytes: int = field(default=1024 * _MIB, validator=integer(at_least=_MIB))
    max_depth: int = field(default=200, validator=integer(at_least=8))
    max_header_bytes: int = field(default=16_384, validator=integer(at_least=1024))
    read_timeout: float = field(default=30.0, validator=seconds(above_zero=True))
    body_timeout: float = field(default=900.0, validator=seconds(above_zero=True))
    write_timeout: float = field(default=60.0, validator=seconds(above_zero=True))
    idle_timeout: float = field(default=120.0, validator=seconds(above_zero=True))
    max_connections: int = field(default=10_000, validator=integer(at_least=1))
    token_seconds: int = field(default=3600, validator=integer(at_least=60, unit="seconds"))
    workspace_bytes: int = field(default=64 * _MIB, validator=integer(at_least=1024))
    allowance: Allowance = field(factory=Allowance)
    control_key: str | None = field(default=None, repr=False)
