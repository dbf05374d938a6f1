"""A collector of traces, which keeps what it gets by OTLP over HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.listening import listening


class Collector:
    """What has come, and the URL that a service is told."""

    def __init__(self) -> None:
        self.url = ""
        self._received = ExportTraceServiceRequest()

    async def take(self, request: web.Request) -> web.Response:
        """The handler of `POST /v1/traces`."""
        self._received.MergeFromString(await request.read())
        return web.Response(content_type="application/x-protobuf")

    @property
    def spans(self) -> list[str]:
        """The names of all spans, in order of the alphabet."""
        scopes = (scope for one in self._received.resource_spans for scope in one.scope_spans)
        return sorted(span.name for scope in scopes for span in scope.spans)

    @property
    def services(self) -> set[str]:
        """The names of the services that have sent them."""
        facts = (fact for one in self._received.resource_spans for fact in one.resource.attributes)
        return {fact.value.string_value for fact in facts if fact.key == "service.name"}


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    """A collector on loopback, for as long as the block."""
    collector = Collector()
    app = web.Application()
    app.router.add_post("/v1/traces", collector.take)
    async with listening(app) as address:
        collector.url = f"http://{address}/"
        yield collector
