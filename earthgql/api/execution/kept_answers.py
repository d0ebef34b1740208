"""Answers to introspection, which do not change while a process runs, kept as JSON."""

import hashlib
import json
import threading
from collections.abc import Mapping
from typing import Any

from cachetools import LRUCache

KEPT_BYTES = 8_000_000
"""Of answers, in one process; those not used for the longest are forgotten first."""


class EncodedData(str):
    """The data of an answer, as JSON."""

    __slots__ = ()


class KeptAnswers:
    """Answers to introspection, as JSON; threads may share them."""

    def __init__(self, most_bytes: int = KEPT_BYTES) -> None:
        """Begin with none."""
        self._lock = threading.Lock()
        self._kept: LRUCache[str, EncodedData] = LRUCache(most_bytes, getsizeof=len)

    @staticmethod
    def key(document: str, operation: str | None, variables: Mapping[str, Any] | None) -> str:
        """Return the name under which the answer to a request is kept."""
        asked = json.dumps([document, operation, variables], sort_keys=True)
        return hashlib.sha256(asked.encode()).hexdigest()

    def get(self, key: str) -> EncodedData | None:
        """Return an answer, if it was kept."""
        with self._lock:
            return self._kept.get(key)

    def keep(self, key: str, data: object) -> EncodedData:
        """Keep an answer, unless it is too large, and return it."""
        encoded = EncodedData(json.dumps(data, separators=(",", ":")))
        with self._lock:
            if len(encoded) <= self._kept.maxsize:
                self._kept[key] = encoded
        return encoded
