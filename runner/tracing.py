"""What a request is called in logs and traces, here and wherever it is passed on to.

X-Request-Id is any client's own name for a request; traceparent is the W3C's (Trace Context). Both
are untrusted text of a client: whatever is not of the expected form is ignored.
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

    `parent_id` is the client's span and `span_id` our own, which is the parent of what we ask for.
    """

    request_id: str
    trace_id: str = ""
    parent_id: str = ""
    span_id: str = ""
    is_sampled: bool = False

    @property
    def headers(self) -> dict[str, str]:
        """For the answer to the request, and for requests to others that it causes."""
        headers = {REQUEST_ID: self.request_id}
        if self.trace_id:
            flags = f"{int(self.is_sampled):02x}"
            headers[TRACEPARENT] = f"00-{self.trace_id}-{self.span_id}-{flags}"
        return headers

    @property
    def fields(self) -> dict[str, str]:
        """For the lines of the log."""
        fields = {"request_id": self.request_id}
        return {**fields, "trace_id": self.trace_id} if self.trace_id else fields


def trace_of(headers: Mapping[str, str]) -> Trace:
    """The names that a client gives; a fresh request id if it gives none, or one of a bad form."""
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
    """A name that no other request has, as far as chance goes. It is no secret.

    An id of the W3C's must not be all zeros.
    """
    return f"{random.getrandbits(64) or 1:016x}"


@dataclass
class _Request:
    """A task that a request began may outlive it; it is nobody's then."""

    trace: Trace
    is_over: bool = False


_request: ContextVar[_Request | None] = ContextVar("_request", default=None)


class traced:  # noqa: N801 - a context manager, of which each request takes one: no generator
    """A block that serves the request of this name, and the tasks that it begins."""

    def __init__(self, trace: Trace) -> None:
        self._request = _Request(trace)

    def __enter__(self) -> None:
        self._token = _request.set(self._request)

    def __exit__(self, *_error: object) -> None:
        self._request.is_over = True
        _request.reset(self._token)


def current_trace() -> Trace | None:
    """The name of the request that is served here, if one is."""
    request = _request.get()
    return None if request is None or request.is_over else request.trace
