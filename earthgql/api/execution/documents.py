"""Documents that clients send by name.

*Automatic persisted queries* are Apollo's protocol: a client names a document by its SHA-256; if
the server does not know it, the client sends the document and its hash once, and only the hash
from then on. *Trusted documents* are read from a file at the start; a server may accept no others.
"""

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cachetools import LRUCache
from cross_web import HTTPException
from graphql import GraphQLError

from earthgql.api.execution.limits import Parser
from earthgql.errors import SetupError

KEPT_CHARACTERS = 20_000_000
"""Of documents that clients sent; those not used for the longest are forgotten first."""

_NOT_FOUND = ("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND")
_NOT_SUPPORTED = ("PersistedQueryNotSupported", "PERSISTED_QUERY_NOT_SUPPORTED")
_MANIFEST = "apollo-persisted-query-manifest"


class RefusedDocumentError(HTTPException):
    """A document that is named wrongly, not known, or not trusted.

    Attributes:
        code: for programs.
    """

    def __init__(self, status: int, message: str, code: str) -> None:
        """Make a refusal with a status of HTTP."""
        super().__init__(status, message)
        self.code = code


class Documents:
    """The documents that a process knows by name."""

    def __init__(
        self, parser: Parser, trusted: Mapping[str, str] | None = None, *, only: bool = False
    ) -> None:
        """Begin with the trusted documents.

        Args:
            parser: of the schema that documents are for.
            trusted: text by id, as ``read_trusted`` gives them.
            only: whether all others are refused.
        """
        self._parser = parser
        self._trusted = dict(trusted or {})
        self._texts = frozenset(self._trusted.values())
        self._only = only
        self._lock = threading.Lock()
        self._sent: LRUCache[str, str] = LRUCache(KEPT_CHARACTERS, getsizeof=len)

    def text(
        self, query: str | None, document_id: str | None, extensions: Mapping[str, Any] | None
    ) -> str | None:
        """Return the text of a request's document; None if it has none.

        Args:
            query: the document, where it was sent.
            document_id: the name of one, as ``documentId`` of the GraphQL over HTTP draft.
            extensions: of the request; ``persistedQuery`` may hold the name of one.

        Raises:
            RefusedDocumentError: if it is not known, not trusted, or not of the hash it came with.
        """
        extension = None if extensions is None else extensions.get("persistedQuery")
        sha256 = None if extension is None else _sha256(extension)
        if query is None and (document_id or sha256):
            return self._known(_plain(document_id or sha256 or ""))
        if self._only and query is not None and query not in self._texts:
            raise _untrusted()
        if query is not None and sha256 is not None:
            self._keep(sha256, query)
        return query

    def _known(self, name: str) -> str:
        found = self._trusted.get(name)
        if found is None and self._only:
            raise _untrusted()
        if found is None:
            with self._lock:
                found = self._sent.get(name)
        if found is None:
            # Clients of the protocol look at the body, and answer by sending the document.
            raise RefusedDocumentError(200, *_NOT_FOUND)
        return found

    def _keep(self, sha256: str, query: str) -> None:
        if hashlib.sha256(query.encode(errors="surrogatepass")).hexdigest() != sha256:
            raise RefusedDocumentError(400, "provided sha does not match query", "BAD_REQUEST")
        if self._parser.count_operations(query):
            with self._lock:
                self._sent[sha256] = query


def read_trusted(path: Path, parser: Parser) -> dict[str, str]:
    """Read a file of trusted documents.

    Args:
        path: JSON: an object of texts by id, as relay-compiler and GraphQL Code Generator write it,
            or a manifest of Apollo's ``generate-persisted-query-manifest``.
        parser: of the schema that the documents are for.

    Raises:
        SetupError: if it cannot be read, is of no such form, or holds what is no GraphQL.
    """
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise SetupError(f"the trusted documents in {path} cannot be read: {error}") from None
    found: dict[str, str] = {}
    for name, text in _entries(content, path):
        try:
            parser.parse(text)
        except GraphQLError as error:
            raise SetupError(f"{path}: document {name!r:.80}: {error.message}") from None
        found[_plain(name)] = text
    return found


def _entries(content: Any, path: Path) -> Iterator[tuple[str, str]]:
    entries: Any = content
    try:
        if content.get("format") == _MANIFEST:
            entries = {entry["id"]: entry["body"] for entry in content["operations"]}
        pairs = list(entries.items())
    except (AttributeError, KeyError, TypeError):
        pairs = [(None, None)]
    if not all(isinstance(name, str) and isinstance(text, str) for name, text in pairs):
        raise SetupError(
            f"{path} is neither an object of documents by id nor a manifest of Apollo's"
        )
    yield from pairs


def _sha256(extension: Any) -> str:
    """Return the hash in Apollo's extension."""
    sha256 = extension.get("sha256Hash") if isinstance(extension, dict) else None
    if not isinstance(sha256, str) or extension.get("version") != 1:
        raise RefusedDocumentError(200, *_NOT_SUPPORTED)
    return sha256


def _plain(name: str) -> str:
    return name.removeprefix("sha256:")


def _untrusted() -> RefusedDocumentError:
    return RefusedDocumentError(
        403, "this server answers trusted documents only", "DOCUMENT_NOT_TRUSTED"
    )
