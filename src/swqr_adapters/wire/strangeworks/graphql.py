"""GraphQL: the documents that clients send, what stands around answers, and pages.

The documents are those of the official client, name for name, in the form in which a parsed
document is printed: that is how they go over the wire.

What the platform's documents cannot say, a server of ours tells clients of ours in the answer's
``extensions`` under ``swqr`` (see ``swqr_adapters.wire.ibm.extension``): ``capabilities`` with the
workspace, and IBM's documents of the jobs and backends by slug.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Generic, TypeVar

from attrs import field, frozen

from swqr_adapters.wire.ibm.extension import MEMBER
from swqr_adapters.wire.values import Document

from .errors import Refusal, parse_graphql_errors
from .values import Reader, broken, load

__all__ = [
    "ADD_TAGS",
    "GET_BACKEND",
    "GET_BACKENDS",
    "GET_JOBS",
    "GET_JOBS_BY_KEY",
    "GET_RESOURCES",
    "GET_WORKSPACE",
    "PAGE_SIZE",
    "UPLOAD_FILE",
    "Answer",
    "Connection",
    "connection_node",
    "graphql_request",
    "parse_answer",
    "parse_connection",
]

T = TypeVar("T")

PAGE_SIZE: Final = 50
"""How many nodes the official client asks for at a time."""

GET_WORKSPACE: Final = """query getWorkspace {
  workspace {
    id
    slug
    isDisabled
    name
  }
}"""

GET_RESOURCES: Final = """query sdk_get_resources($first: Int, $after: ID) {
  workspace {
    resources(pagination: {after: $after, first: $first}) {
      pageInfo {
        endCursor
        hasNextPage
      }
      edges {
        cursor
        node {
          slug
          isDeleted
          status
          product {
            slug
            name
          }
        }
      }
    }
  }
}"""

GET_JOBS: Final = """query sdk_get_jobs($job_slug: String, $resource_slugs: [String!], $product_slugs: [String!], $statuses: [JobStatus!], $tags: [String!], $first: Int, $after: ID) {
  workspace {
    jobs(
      jobSlug: $job_slug
      resourceSlugs: $resource_slugs
      productSlugs: $product_slugs
      jobStatuses: $statuses
      jobTags: $tags
      pagination: {after: $after, first: $first}
    ) {
      pageInfo {
        endCursor
        hasNextPage
      }
      edges {
        cursor
        node {
          slug
          childJobs {
            id
            slug
            status
            resource {
              slug
              isDeleted
              product {
                slug
                name
              }
            }
            isTerminalState
            remoteStatus
            jobDataSchema
            jobData
            files {
              file {
                slug
                id
                label
                fileName
                url
                metaSizeBytes
                dateCreated
                dateUpdated
              }
            }
          }
          externalIdentifier
          status
          resource {
            slug
            isDeleted
            product {
              slug
              name
            }
          }
          files {
            file {
              id
              slug
              fileName
              metaSizeBytes
              url
            }
          }
          dateCreated
          dateUpdated
          tags {
            tag {
              tag
            }
          }
        }
      }
    }
  }
}"""  # noqa: E501 - as it is printed

GET_BACKENDS: Final = """query backends($product_slugs: [String!], $backend_type_slugs: [String!], $backend_statuses: [BackendStatus!], $backend_tags: [String!]) {
  backends(
    productSlugs: $product_slugs
    backendTypeSlugs: $backend_type_slugs
    backendStatuses: $backend_statuses
    backendTags: $backend_tags
  ) {
    id
    name
    remoteBackendId
    remoteStatus
    slug
  }
}"""  # noqa: E501 - as it is printed

GET_BACKEND: Final = """query backend($slug: String!) {
  backend(slug: $slug) {
    data
    dataSchema
    id
    name
    remoteBackendId
    remoteStatus
    slug
  }
}"""

GET_JOBS_BY_KEY: Final = GET_JOBS.replace("$after: ID)", "$after: ID, $key: String!)").replace(
    "jobTags: $tags", "jobTags: $tags\n      swqrKey: $key"
)
"""The same for a server of ours, which remembers what keys jobs were submitted with."""

ADD_TAGS: Final = """mutation jobAddTags($workspace_slug: String!, $job_slug: String!, $tags: [String!]!) {
  jobAddTags(
    input: {workspaceSlug: $workspace_slug, jobSlug: $job_slug, tags: $tags}
  ) {
    tags {
      tag {
        tag
      }
    }
  }
}"""  # noqa: E501 - as it is printed

UPLOAD_FILE: Final = """mutation uploadWorkspaceFile($workspace_slug: String!, $file_name: String!, $content_type: String!, $is_public: Boolean! = false, $json_schema: String, $label: String, $meta_file_create_date: Time, $meta_file_modified_date: Time, $meta_file_size: Int, $meta_file_type: String) {
  workspaceUploadFile(
    input: {workspaceSlug: $workspace_slug, fileName: $file_name, contentType: $content_type, isPublic: $is_public, jsonSchema: $json_schema, label: $label, metaFileCreateDate: $meta_file_create_date, metaFileModifiedDate: $meta_file_modified_date, metaFileSize: $meta_file_size, metaFileType: $meta_file_type}
  ) {
    signedURL
    file {
      id
      slug
      label
      fileName
      url
    }
  }
}"""  # noqa: E501 - as it is printed


def graphql_request(document: str, **variables: object) -> dict[str, Any]:
    """Return the body of ``POST /sdk``. Variables that are None are left out, as clients do."""
    given = {name: value for name, value in variables.items() if value is not None}
    return {"query": document, "variables": given} if given else {"query": document}


# --- answers -----------------------------------------------------------------------------------


@frozen(kw_only=True)
class Answer:
    """An answer of ``POST /sdk``.

    Attributes:
        data: What was asked for; parts of it may be missing where there are errors.
        errors: What went wrong.
        told: What a server of ours tells beyond it.
    """

    data: Document = field(factory=dict)
    errors: tuple[Refusal, ...] = ()
    told: Document = field(factory=dict)

    def documents(self, kind: str) -> Document:
        """Return what a server of ours tells about the things of a kind, by slug."""
        found = self.told.get(kind)
        return found if isinstance(found, Mapping) else {}


def parse_answer(body: bytes) -> Answer:
    """Read an answer of ``POST /sdk``, whatever its HTTP status.

    Raises:
        ProtocolError: It is no GraphQL answer.
    """
    document = load(body, "GraphQL answer")
    if not document.keys() & {"data", "errors"}:
        raise broken("GraphQL answer", "has neither 'data' nor 'errors'", document)
    read = Reader(document, "GraphQL answer")
    told = read.object("extensions").get(MEMBER)
    return Answer(
        data=read.object("data"),
        errors=parse_graphql_errors(document.get("errors")),
        told=told if isinstance(told, Mapping) else {},
    )


# --- pages -------------------------------------------------------------------------------------


@frozen(kw_only=True)
class Connection(Generic[T]):
    """A page of nodes.

    Attributes:
        nodes: What is in it.
        cursors: Where each stands.
        more: Whether there are further pages.
    """

    nodes: tuple[T, ...]
    cursors: tuple[str, ...]
    more: bool

    @property
    def end_cursor(self) -> str | None:
        """Where the next page goes on; None where nothing is in this one."""
        return self.cursors[-1] if self.cursors else None


def connection_node(page: Connection[T], write: Callable[[T], Document]) -> dict[str, Any]:
    """Return a page."""
    return {
        "pageInfo": {"endCursor": page.end_cursor, "hasNextPage": page.more},
        "edges": [
            {"cursor": cursor, "node": write(node)}
            for cursor, node in zip(page.cursors, page.nodes, strict=True)
        ],
    }


def parse_connection(data: object, name: str, parse: Callable[[object], T]) -> Connection[T]:
    """Read a page of the workspace.

    Args:
        data: The ``data`` of an answer.
        name: ``jobs`` or ``resources``.
        parse: What reads a node.

    Raises:
        ProtocolError: It is no page, or says that there is more and not where.
    """
    workspace = Reader(Reader(data, "answer").object("workspace"), "workspace")
    read = Reader(workspace.document.get(name), f"page of {name}")
    info = Reader(read.object("pageInfo"), f"pageInfo of {name}")
    edges = [Reader(edge, f"edge of {name}") for edge in _present(read.items("edges"))]
    cursors = [edge.text_or_none("cursor") or "" for edge in edges]
    more = info.flag("hasNextPage")
    end = info.text_or_none("endCursor")
    if more and not edges:
        raise broken(read.name, "is empty and says that there is more", read.document)
    if more and not (end or cursors[-1]):
        raise broken(read.name, "says that there is more and not where", info.document)
    if edges and end:
        cursors[-1] = end
    return Connection(
        nodes=tuple(parse(edge.document.get("node")) for edge in edges),
        cursors=tuple(cursors),
        more=more,
    )


def _present(edges: Iterable[Any]) -> list[Any]:
    return [edge for edge in edges if edge is not None]
