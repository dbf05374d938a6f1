"""The log's writer: bounded, off the loop, and honest about what it dropped."""

import os
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from runner.operators.log_writer import LogWriter

PATIENCE_S = 10.0


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Both ends; the test may close them."""
    ends = os.pipe()
    yield ends
    for end in ends:
        with suppress(OSError):
            os.close(end)


def words_for(count: int) -> str:
    """The line about dropped lines."""
    return f"dropped {count}\n"


def until(writer: LogWriter, dropped: int) -> None:
    """Wait until it has dropped so many."""
    deadline_s = time.monotonic() + PATIENCE_S
    while writer.dropped < dropped:
        assert time.monotonic() < deadline_s, writer.dropped
        time.sleep(0.001)


def fill(sink: int) -> str:
    """Write as much as a pipe takes that nobody reads from."""
    os.set_blocking(sink, False)
    written = 0
    with suppress(BlockingIOError):
        while True:
            written += os.write(sink, b"." * 4096)
    os.set_blocking(sink, True)
    return "." * written


def read_all(end: int) -> str:
    """Read to the end of the pipe."""
    with os.fdopen(os.dup(end), "rb") as file:
        return file.read().decode()


def test_lines_come_in_their_order(pipe: tuple[int, int]) -> None:
    """All of them are there once the writer is closed."""
    source, sink = pipe
    writer = LogWriter(sink, words_for)
    lines = [f"line {number}\n" for number in range(1000)]
    for line in lines:
        writer.write(line)
    writer.close(PATIENCE_S)
    os.close(sink)

    assert read_all(source) == "".join(lines)
    assert writer.dropped == 0


def test_lines_that_come_together_are_written_together(pipe: tuple[int, int]) -> None:
    """A reader gets the lines of a moment at once: each write costs the daemon's loop a wait."""
    source, sink = pipe
    writer = LogWriter(sink, words_for)
    writer.write("one\n")
    writer.write("two\n")

    assert os.read(source, 65536) == b"one\ntwo\n"
    writer.close(PATIENCE_S)


@pytest.mark.parametrize(
    ("most_lines", "most_bytes"), [(10, 1_000_000), (1000, 70_000)], ids=["lines", "bytes"]
)
def test_a_writer_that_nobody_reads_from_drops(
    pipe: tuple[int, int], most_lines: int, most_bytes: int
) -> None:
    """A log writer that nobody reads from never waits, and keeps within its bounds.

    Later it says how many lines are missing.
    """
    source, sink = pipe
    filler = fill(sink)
    writer = LogWriter(sink, words_for, most_lines=most_lines, most_bytes=most_bytes)
    lines = [f"{number:06}" + "x" * 10_000 + "\n" for number in range(100)]
    for line in lines:
        writer.write(line)
    assert max(1, 99 - most_lines) <= writer.dropped < 100
    dropped = writer.dropped
    received = b""
    while b"dropped" not in received:
        received += os.read(source, 65536)
    writer.write("after\n")
    writer.close(PATIENCE_S)
    os.close(sink)

    kept = filler + "".join(lines[: 100 - dropped])
    assert received.decode() + read_all(source) == f"{kept}dropped {dropped}\nafter\n"


def test_closing_has_a_deadline(pipe: tuple[int, int]) -> None:
    """A writer that is stuck lets the process end."""
    source, sink = pipe
    writer = LogWriter(sink, words_for)
    for _ in range(100):
        writer.write("x" * 10_000 + "\n")
    began_s = time.monotonic()
    writer.close(0.1)
    assert time.monotonic() - began_s < PATIENCE_S

    # The thread must have ended before the number of its descriptor may be used again.
    os.close(source)
    writer.close(PATIENCE_S)
    assert writer.dropped > 0


@pytest.mark.parametrize("is_read_only", [False, True], ids=["no reader", "no writing"])
def test_a_log_that_cannot_be_written_is_dropped(pipe: tuple[int, int], is_read_only: bool) -> None:
    """Every line is counted, and none is an error of its own."""
    source, sink = pipe
    if not is_read_only:
        os.close(source)
    writer = LogWriter(source if is_read_only else sink, words_for)
    writer.write("one\n")
    until(writer, 1)
    for _ in range(10):
        writer.write("more\n")
    writer.close(PATIENCE_S)

    assert writer.dropped == 11


def test_a_descriptor_that_does_not_wait_is_waited_for(pipe: tuple[int, int]) -> None:
    """A program that shares it may have set it so; no line is lost for that."""
    source, sink = pipe
    os.set_blocking(sink, False)
    writer = LogWriter(sink, words_for)
    lines = ["x" * 30_000 + "\n" for _ in range(10)]
    for line in lines:
        writer.write(line)
    received = b""
    while len(received) < sum(map(len, lines)):
        received += os.read(source, 65536)
    writer.close(PATIENCE_S)

    assert received.decode() == "".join(lines)
    assert writer.dropped == 0
