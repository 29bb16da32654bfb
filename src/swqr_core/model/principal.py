"""Who asks."""

from attrs import field, frozen

from .ids import InstanceId
from .validators import text, texts

__all__ = ["Instance", "Principal"]


@frozen(kw_only=True)
class Principal:
    """A user in an instance; every transport is bound to one.

    Attributes:
        user: The user's id (REST: ``user_id``).
        instance: The instance that pays and in which everything is found (REST: ``Service-CRN``).
    """

    user: str = field(default="local", validator=text(at_most=256))
    instance: InstanceId = field(default=InstanceId("local"), validator=text(at_most=1024))


@frozen(kw_only=True)
class Instance:
    """An instance that a user can reach.

    Attributes:
        id: Its CRN.
        name: Its name.
        plan: The plan's name in lower case, for example ``internal``.
        pricing_type: ``free``, ``trial``, ``paygo``, ``paid``, ``subscription`` or ``unknown``.
        region: For example ``us-east``.
        tags: The account's tags on it.
    """

    id: InstanceId
    name: str = "local"
    plan: str = "internal"
    pricing_type: str = "unknown"
    region: str = "us-east"
    tags: tuple[str, ...] = field(default=(), converter=texts)
