"""What all calls on one resource share."""

from typing import Any

from swqr_adapters.remote.bound import Bound
from swqr_adapters.wire.strangeworks import Resource, Workspace

from .api import Api

__all__ = ["ResourceBound"]


class ResourceBound(Bound):
    """Calls bound to one resource; see ``Bound``.

    Args:
        workspace: The workspace.
        resource: The resource.
        bound: What ``Bound`` needs.
    """

    _api: Api

    def __init__(self, *args: Any, workspace: Workspace, resource: Resource, **bound: Any) -> None:
        super().__init__(*args, **bound)
        self._workspace = workspace
        self._resource = resource
        self._channel = resource.channel or ""
