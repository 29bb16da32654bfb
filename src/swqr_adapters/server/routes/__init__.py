"""What can be asked, one module for each noun."""

from collections.abc import Mapping
from types import MappingProxyType

from swqr_adapters.server.routing import Route

from . import account, backends, control, discovery, jobs, page, programs, sessions, workloads
from .strangeworks import GRAPHQL_ROUTES, LOGIN_ROUTES
from .strangeworks_files import FILE_ROUTES
from .strangeworks_operations import OPERATION_ROUTES

__all__ = ["CATALOG_ROUTES", "GROUPS"]

CATALOG_ROUTES = discovery.CATALOG_ROUTES

GROUPS: Mapping[str, tuple[Route, ...]] = MappingProxyType(
    {
        "runtime": (
            *backends.ROUTES,
            *jobs.ROUTES,
            *sessions.ROUTES,
            *account.ROUTES,
            *programs.ROUTES,
            *workloads.ROUTES,
        ),
        "iam": discovery.IAM_ROUTES,
        "search": discovery.SEARCH_ROUTES,
        "resources": discovery.RESOURCE_ROUTES,
        "platform": (*LOGIN_ROUTES, *OPERATION_ROUTES, *FILE_ROUTES),
        "graphql": GRAPHQL_ROUTES,
        "control": (*control.CONTROL_ROUTES, *page.OVERVIEW_ROUTES),
        "document": control.DOCUMENT_ROUTES,
        "page": page.PAGE_ROUTES,
    }
)
"""The routes by the group of their base path."""
