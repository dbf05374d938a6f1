"""Runs as spans of OpenTelemetry."""

import sys
import threading
from dataclasses import replace
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext, StatusCode

from runner import operators
from runner.kata import Used
from runner.operators.spans import ROOT, Spans
from runner.operators.traces import traces_of
from runner.run.record import RunRecord
from runner.settings import Settings
from runner.tracing import trace_of
from tests.conftest import ServeFake
from tests.runner.operators.collector import collecting
from tests.waiting import eventually

TRACE_ID, PARENT_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
ENDED_S = 1_800_000_000.0

RUN = RunRecord(
    kata_id="aBc123",
    image="gcc:latest",
    is_here=True,
    outcome="red",
    status="1",
    reason="",
    took_s=1.0,
    phases_s={"queue": 0.25, "lease": 0.125, "run": 0.5},
    hit=True,
    kind="cells",
    container="dojo-1",
    used=Used(0.25, 9437184, 3),
    before_s=0.125,
    ended_at_s=ENDED_S,
)


def spans_of(run: RunRecord) -> dict[str, ReadableSpan]:
    """The spans of a run, by their names."""
    memory = InMemorySpanExporter()
    spans = Spans(SimpleSpanProcessor(memory), version="1.2", replica="one")
    spans.run_ended(run)
    return {span.name: span for span in memory.get_finished_spans()}


def context_of(span: ReadableSpan | None) -> SpanContext:
    """The ids of a span."""
    assert span is not None
    context = span.get_span_context()
    assert context is not None
    return context


def named(flags: str) -> dict[str, Any]:
    """What a run has whose client has named its own span."""
    headers = {"X-Request-Id": "web-7", "traceparent": f"00-{TRACE_ID}-{PARENT_ID}-{flags}"}
    return {"trace": trace_of(headers)}


async def test_each_phase_is_a_span_within_the_run() -> None:
    """A phase begins when the one before it has ended, and the run is around all of them."""
    spans = spans_of(RUN)

    times = {name: (span.start_time, span.end_time) for name, span in spans.items()}
    after_s = {"queue": (0.125, 0.375), "lease": (0.375, 0.5), "run": (0.5, 1.0), ROOT: (0, 1.0)}
    expected = {
        name: tuple(int((ENDED_S - 1.0 + after) * 1e9) for after in both)
        for name, both in after_s.items()
    }
    assert times == expected
    root = context_of(spans[ROOT])
    assert {span.parent and span.parent.span_id for span in spans.values()} == {None, root.span_id}
    assert {context_of(span).trace_id for span in spans.values()} == {root.trace_id}


async def test_the_run_is_a_child_of_its_clients_span() -> None:
    """A run's span has the id that the client's answer and the siblings were given."""
    run = replace(RUN, **named("01"))

    root = spans_of(run)[ROOT]

    context = context_of(root)
    assert f"{context.trace_id:032x}" == TRACE_ID
    assert run.trace is not None
    assert f"{context.span_id:016x}" == run.trace.span_id
    assert root.parent is not None
    assert f"{root.parent.span_id:016x}" == PARENT_ID


async def test_a_client_that_samples_nothing_is_heeded() -> None:
    """A run is not recorded if its client says that its own span is not."""
    assert spans_of(replace(RUN, **named("00"))) == {}


async def test_a_span_tells_what_the_log_tells() -> None:
    """Facts of the run are attributes; what a run has not is left out."""
    attributes = dict(spans_of(replace(RUN, **named("01")))[ROOT].attributes or {})

    assert attributes["dojo.image"] == "gcc:latest"
    assert (attributes["dojo.outcome"], attributes["dojo.status"]) == ("red", "1")
    assert (attributes["dojo.hit"], attributes["dojo.cpu_s"]) == (True, 0.25)
    assert attributes["dojo.request_id"] == "web-7"
    missed = spans_of(replace(RUN, hit=False, used=Used()))[ROOT].attributes or {}
    assert missed["dojo.hit"] is False
    assert missed.keys().isdisjoint({"dojo.cpu_s", "dojo.request_id"})


async def test_what_clients_name_is_cut_and_can_be_sent() -> None:
    """A client's name may have any length, and characters that UTF-8 has no bytes for."""
    run = replace(RUN, kata_id="\ud800" * 10_000, outcome="faulty", reason="x\udfff")
    root = spans_of(run)[ROOT]

    assert set(str((root.attributes or {})["dojo.kata_id"])) == {"?"}
    assert len(str((root.attributes or {})["dojo.kata_id"])) == 500
    assert root.status.description == "x?"


@pytest.mark.parametrize(
    ("outcome", "code"),
    [("red", StatusCode.UNSET), ("timed_out", StatusCode.ERROR), ("faulty", StatusCode.ERROR)],
)
async def test_a_run_that_ended_badly_is_an_error(outcome: str, code: StatusCode) -> None:
    """The span of a run that ended badly is an error with its reason.

    A red run is none, as the tests have failed and not the run.
    """
    status = spans_of(replace(RUN, outcome=outcome, reason="why"))[ROOT].status

    assert status.status_code == code
    assert status.description == ("why" if code is StatusCode.ERROR else None)


def test_nothing_is_sent_where_no_collector_is_named() -> None:
    """Without a collector's name there are no spans at all."""
    assert traces_of(Settings(_env_file=None), version="1.2") is None


def test_without_the_extra_the_log_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, logs: list[dict[str, Any]]
) -> None:
    """A collector is named, and OpenTelemetry is not installed: runs go on without traces.

    The line has the collector without its login.
    """
    monkeypatch.delattr(operators, "spans")
    monkeypatch.setitem(sys.modules, "runner.operators.spans", None)
    url = "http://me:sesame@collector:4318"
    named = Settings(_env_file=None, OTEL_EXPORTER_OTLP_ENDPOINT=url)

    assert traces_of(named, version="1.2") is None
    (event,) = logs
    assert (event["level"], event["collector"]) == (
        "WARNING",
        "http://*****@collector:4318/v1/traces",
    )
    assert "dojo-runner[otel]" in event["message"]


async def test_a_collector_gets_the_runs(serve_fake: ServeFake) -> None:
    """A collector gets the runs by OTLP over HTTP, at the latest when the service stops."""
    async with (
        collecting() as collector,
        serve_fake(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url) as http,
    ):
        await http.until_ready()
        await http.run()

    assert collector.services == {"dojo-runner"}
    assert collector.spans == sorted([ROOT, "queue", "lease", "run", "harvest", "colour"])


async def test_a_collector_that_is_away_harms_no_run(
    serve_fake: ServeFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs are well, the service stops in its time, and no thread goes on for long."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")  # in seconds
    before = {*threading.enumerate()}
    async with serve_fake(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1") as http:
        await http.until_ready()

        assert (await http.run())["outcome"] == "green"

    async def senders() -> list[str]:
        return [one.name for one in {*threading.enumerate()} - before if "Otel" in one.name]

    await eventually(senders, lambda names: not names)
