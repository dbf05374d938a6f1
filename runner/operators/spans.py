"""Runs as spans of OpenTelemetry. Needs the extra `otel`; only traces.py imports this."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from runner.kata import Outcome
from runner.run.record import RunRecord
from runner.tracing import Trace

CLOSE_S = 2.0
ROOT = "run_cyber_dojo_sh"
_LONGEST_TEXT = 500
_BAD = (Outcome.TIMED_OUT, Outcome.FAULTY)


class Spans:
    """Makes a span of each run that has ended, with a child for each of its phases.

    If the request had a traceparent, the span is a child of the client's span. It has the id that
    the answer and the siblings were told. The client decides whether it is recorded, or
    OTEL_TRACES_SAMPLER. OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME override what we say of the
    service ourselves. Must be made in a running loop.
    """

    def __init__(self, processor: SpanProcessor, *, version: str, replica: str) -> None:
        ours = {
            "service.name": "dojo-runner",
            "service.version": version,
            "service.instance.id": replica,
        }
        self._ids = _Ids()
        self._provider = TracerProvider(
            resource=Resource.create(ours).merge(OTELResourceDetector().detect()),
            id_generator=self._ids,
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("dojo-runner", version)
        self._loop = asyncio.get_running_loop()
        self._sent: asyncio.Event | None = None

    def run_ended(self, run: RunRecord) -> None:
        """Make the spans of a run; a thread sends them later."""
        if run.trace is not None and run.trace.span_id:
            self._ids.next_span_id = int(run.trace.span_id, 16)
        began_s = run.ended_at_s - run.took_s
        root = self._tracer.start_span(
            ROOT,
            _parent(run.trace),
            kind=SpanKind.SERVER,
            attributes=_attributes(run),
            start_time=_ns(began_s),
        )
        if run.outcome in _BAD:
            root.set_status(Status(StatusCode.ERROR, _plain(run.reason)))
        inside = set_span_in_context(root)
        for name, from_s, to_s in _phases(run, began_s):
            phase = self._tracer.start_span(name, inside, start_time=_ns(from_s))
            phase.end(_ns(to_s))
        root.end(_ns(run.ended_at_s))

    def close(self) -> None:
        """Take on no more runs, and begin to send the spans that are left. Twice is harmless."""
        if self._sent is None:
            self._sent = asyncio.Event()
            # A daemon thread, so that a collector that does not answer does not keep the process.
            sends = threading.Thread(target=self._send, args=(self._sent.set,), daemon=True)
            sends.start()

    async def closed(self) -> None:
        """Wait until all spans are sent, for CLOSE_S at most."""
        if self._sent is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_S):
                    await self._sent.wait()

    def _send(self, tell: Callable[[], object]) -> None:
        self._provider.shutdown()
        with suppress(RuntimeError):  # the loop has ended, so nobody waits any more
            self._loop.call_soon_threadsafe(tell)


def to_collector(url: str) -> SpanProcessor:
    """Sends spans to a collector's URL for traces, many at once, by OTLP over HTTP.

    OTEL_EXPORTER_OTLP_HEADERS, _TIMEOUT, _CERTIFICATE and _COMPRESSION hold, as do those of
    OTEL_BSP.
    """
    return BatchSpanProcessor(OTLPSpanExporter(endpoint=url))


class _Ids(RandomIdGenerator):
    """Gives the next span the id that the answer has told already, if there is one."""

    def __init__(self) -> None:
        self.next_span_id = 0

    def generate_span_id(self) -> int:
        chosen, self.next_span_id = self.next_span_id, 0
        return chosen or super().generate_span_id()


def _parent(trace: Trace | None) -> Context:
    """The client's span as the parent; without one there is no parent."""
    if trace is None or not trace.trace_id:
        return Context()
    flags = TraceFlags(TraceFlags.SAMPLED if trace.is_sampled else TraceFlags.DEFAULT)
    of_client = SpanContext(int(trace.trace_id, 16), int(trace.parent_id, 16), True, flags)
    return set_span_in_context(NonRecordingSpan(of_client), Context())


def _phases(run: RunRecord, began_s: float) -> Iterator[tuple[str, float, float]]:
    """The phases with their begin and end; each begins when the one before it has ended."""
    from_s = began_s + run.before_s
    for name, took_s in run.phases_s.items():
        yield name, from_s, from_s + took_s
        from_s += took_s


def _attributes(run: RunRecord) -> dict[str, str | int | float | bool]:
    """The names and numbers of the log's line, without those that the run lacks."""
    known: dict[str, str | int | float | bool | None] = {
        "dojo.kata_id": _plain(run.kata_id),
        "dojo.image": _plain(run.image),
        "dojo.outcome": run.outcome,
        "dojo.status": run.status,
        "dojo.kind": run.kind,
        "dojo.container": run.container,
        "dojo.request_id": run.trace.request_id if run.trace else "",
        "dojo.bytes_in": run.bytes_in,
        "dojo.bytes_out": run.bytes_out,
        "dojo.cpu_s": run.used.cpu_s,
        "dojo.memory_bytes": run.used.memory_bytes,
        "dojo.processes": run.used.processes,
        "dojo.hit": run.hit,
    }
    return {name: value for name, value in known.items() if value is not None and value != ""}


def _plain(text: str) -> str:
    """A client's or an engine's text, cut, and with `?` for each character that cannot be sent.

    Such a character is half a surrogate pair, and would cost all spans that are sent with it.
    """
    return text[:_LONGEST_TEXT].encode("utf-8", "replace").decode()


def _ns(unix_s: float) -> int:
    return int(unix_s * 1e9)
