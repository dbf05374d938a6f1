"""The names of a request, in the logs and traces of this replica and of its siblings.

A client may name its request in two headers: in X-Request-Id by a word of its own, and in
traceparent as the W3C specifies (Trace Context). Both are untrusted text, so a header that is not
of the expected form is ignored.
"""

import random
import re
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import NamedTuple

REQUEST_ID = "X-Request-Id"
TRACEPARENT = "traceparent"

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:+/=@-]{1,128}")
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_SAMPLED = 1


class Trace(NamedTuple):
    """The names of one request. Without a good traceparent those of the W3C are empty.

    `parent_id` is the client's span. `span_id` is this replica's own, and the parent of the
    requests that it sends to others.
    """

    request_id: str
    trace_id: str = ""
    parent_id: str = ""
    span_id: str = ""
    is_sampled: bool = False

    @property
    def headers(self) -> dict[str, str]:
        """The headers for the request's answer, and for requests to others that it causes."""
        headers = {REQUEST_ID: self.request_id}
        if self.trace_id:
            flags = f"{int(self.is_sampled):02x}"
            headers[TRACEPARENT] = f"00-{self.trace_id}-{self.span_id}-{flags}"
        return headers

    @property
    def fields(self) -> dict[str, str]:
        """The fields that each line of the log about this request has."""
        fields = {"request_id": self.request_id}
        return {**fields, "trace_id": self.trace_id} if self.trace_id else fields


def trace_of(headers: Mapping[str, str]) -> Trace:
    """The names that a client gives; if its request id is missing or malformed, a fresh one."""
    request_id = headers.get(REQUEST_ID, "")
    if not _REQUEST_ID.fullmatch(request_id):
        request_id = _fresh()
    match = _TRACEPARENT.fullmatch(headers.get(TRACEPARENT, ""))
    if match is None:
        return Trace(request_id)
    version, trace_id, parent_id, flags, more = match.groups()
    is_zero = not trace_id.strip("0") or not parent_id.strip("0")
    if version == "ff" or (version == "00" and more) or is_zero:
        return Trace(request_id)
    is_sampled = bool(int(flags, 16) & _SAMPLED)
    return Trace(request_id, trace_id, parent_id, _fresh(), is_sampled)


def _fresh() -> str:
    """A random name, so that hardly ever two requests have the same. It is no secret.

    It is never all zeros, because the W3C forbids such an id.
    """
    return f"{random.getrandbits(64) or 1:016x}"


@dataclass
class _Request:
    """A request that is served. A task may outlive the request that began it: `is_over` then."""

    trace: Trace
    is_over: bool = False


_request: ContextVar[_Request | None] = ContextVar("_request", default=None)


class traced:  # noqa: N801 - a context manager, of which each request takes one: no generator
    """Gives a request's names to the block that serves it, and to the tasks that this begins."""

    def __init__(self, trace: Trace) -> None:
        self._request = _Request(trace)

    def __enter__(self) -> None:
        self._token = _request.set(self._request)

    def __exit__(self, *_error: object) -> None:
        self._request.is_over = True
        _request.reset(self._token)


def current_trace() -> Trace | None:
    """The names of the request that the calling task serves; None if it serves none."""
    request = _request.get()
    return None if request is None or request.is_over else request.trace
