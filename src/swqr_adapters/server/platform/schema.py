"""The schema of ``POST /sdk``: what can be asked of a workspace, in GraphQL's own language."""

from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from graphql import (
    GraphQLError,
    GraphQLSchema,
    StringValueNode,
    ValueNode,
    build_schema,
)

from swqr_adapters.wire.values import parse_time

__all__ = ["SDL", "platform_schema"]

SDL: Final = '''
"""A time as ISO 8601 text with its zone."""
scalar Time

"""Any JSON value."""
scalar JSON

enum JobStatus { CREATED QUEUED RUNNING CANCELLING COMPLETED FAILED CANCELLED }

enum BackendStatus { ONLINE OFFLINE MAINTENANCE RETIRED UNKNOWN }

"""Which part of a list: so many behind a cursor."""
input Pagination { after: ID first: Int }

type PageInfo { endCursor: ID hasNextPage: Boolean! }

type Query {
  """What the API key opens."""
  workspace: Workspace!
  """The backends that match; an empty list filters nothing."""
  backends(
    productSlugs: [String!]
    backendTypeSlugs: [String!]
    backendStatuses: [BackendStatus!]
    backendTags: [String!]
  ): [Backend!]!
  """One backend."""
  backend(slug: String!): Backend!
}

type Mutation {
  """Add tags to a job; those that it has already stay as they are."""
  jobAddTags(input: JobAddTagsInput!): JobAddTagsPayload!
  """Announce a file, and learn where to write it."""
  workspaceUploadFile(input: WorkspaceUploadFileInput!): WorkspaceUploadFilePayload!
}

type Workspace {
  id: ID!
  slug: String!
  name: String!
  isDisabled: Boolean!
  """Accounts with products."""
  resources(pagination: Pagination): ResourceConnection!
  """The jobs that match, newest first; an empty list filters nothing. swqrKey is ours alone."""
  jobs(
    jobSlug: String
    resourceSlugs: [String!]
    productSlugs: [String!]
    jobStatuses: [JobStatus!]
    jobTags: [String!]
    swqrKey: String
    pagination: Pagination
  ): JobConnection!
}

type Product { slug: String! name: String! }

type Resource { slug: String! isDeleted: Boolean! status: String product: Product! }

type ResourceEdge { cursor: ID! node: Resource! }

type ResourceConnection { pageInfo: PageInfo! edges: [ResourceEdge!]! }

type File {
  id: ID!
  slug: String!
  label: String
  fileName: String
  url: String
  """Bytes, where that is known without reading it."""
  metaSizeBytes: Int
  dateCreated: Time
  dateUpdated: Time
}

type JobFile { file: File! sortWeight: Int isPublic: Boolean }

type Tag { tag: String! }

type JobTag { tag: Tag! }

type Job {
  id: ID!
  slug: String!
  externalIdentifier: String
  status: JobStatus!
  isTerminalState: Boolean!
  """The vendor's own word."""
  remoteStatus: String
  jobData: JSON
  jobDataSchema: String
  dateCreated: Time!
  """When it last changed; when it ended, if it has."""
  dateUpdated: Time
  resource: Resource!
  files: [JobFile!]!
  tags: [JobTag!]!
  childJobs: [Job!]!
}

type JobEdge { cursor: ID! node: Job! }

type JobConnection { pageInfo: PageInfo! edges: [JobEdge!]! }

type Backend {
  id: ID!
  slug: String!
  name: String!
  remoteBackendId: String
  remoteStatus: String
  """The configuration; only where one backend is asked for."""
  data: JSON
  dataSchema: String
}

input JobAddTagsInput { workspaceSlug: String! jobSlug: String! tags: [String!]! }

type JobAddTagsPayload { tags: [JobTag!]! }

input WorkspaceUploadFileInput {
  workspaceSlug: String!
  fileName: String!
  contentType: String!
  isPublic: Boolean! = false
  jsonSchema: String
  label: String
  metaFileCreateDate: Time
  metaFileModifiedDate: Time
  metaFileSize: Int
  metaFileType: String
}

type WorkspaceUploadFilePayload { signedURL: String! file: File! }
'''


def _time(value: object) -> datetime:
    if not isinstance(value, str):
        raise GraphQLError("a time must be text")
    try:
        return parse_time(value)
    except ValueError as error:
        raise GraphQLError(f"{value!r:.60} is no ISO 8601 time") from error


def _time_literal(node: ValueNode, _: Any = None) -> datetime:
    return _time(node.value if isinstance(node, StringValueNode) else None)


@lru_cache(maxsize=1)
def platform_schema() -> GraphQLSchema:
    """Return the schema, made once."""
    schema = build_schema(SDL)
    time = schema.type_map["Time"]
    # These are looked up on the scalar itself, which the language cannot describe.
    setattr(time, "parse_value", _time)  # noqa: B010 - a method of its class
    setattr(time, "parse_literal", _time_literal)  # noqa: B010 - a method of its class
    return schema
