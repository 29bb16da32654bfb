"""What all calls of one instance share."""

from swqr_adapters.remote.bound import Bound

from .api import Api

__all__ = ["IbmBound"]


class IbmBound(Bound):
    """Calls bound to one instance; see ``Bound``."""

    _api: Api
