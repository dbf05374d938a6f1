"""The pause of the health check: none for a young container, so that a start is seen at once."""

import math
import os
import time
from pathlib import Path

import pytest

from runner.http import probe
from runner.http.probe import age_s, pause_before
from tests.daemon_process import free_port

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def processes(folder: Path, *, age_s: float, name: str = "dojo-runner") -> str:
    """A folder like /proc, of a container whose first process is so old."""
    for process, started_s in {"1": 5000.0, "self": 5000.0 + age_s}.items():
        fields = [str(n) for n in range(1, 53)]
        fields[1:3] = [f"({name})", "S"]
        fields[21] = str(round(started_s * TICKS_PER_S))
        (folder / process).mkdir()
        (folder / process / "stat").write_text(" ".join(fields) + "\n")
    return str(folder)


@pytest.mark.parametrize(
    ("container_s", "expected_s"), [(0.0, 0.0), (2.0, 0.0), (59.9, 0.0), (60.0, 8.0), (9e9, 8.0)]
)
def test_a_young_container_is_asked_at_once(container_s: float, expected_s: float) -> None:
    """For a minute there is no pause. After it each check pauses, so that it is seldom made."""
    assert pause_before(container_s, 8.0) == expected_s


@pytest.mark.parametrize("pause_s", [-1.0, 61.0, 1e300, math.inf, math.nan])
def test_no_pause(capsys: pytest.CaptureFixture[str], pause_s: float) -> None:
    """A pause that cannot be is told in one line, whatever the container's age."""
    status = probe.main(pause_s=pause_s)

    printed = capsys.readouterr()
    assert (status, printed.out) == (1, "")
    assert printed.err.count("\n") == 1
    assert "--pause-s" in printed.err


@pytest.mark.parametrize("name", ["dojo-runner", "docker-init", "a) 7 (b c", "\N{DOG FACE}"])
def test_the_age_of_a_container(tmp_path: Path, name: str) -> None:
    """The age is the time between the starts of two processes, whatever the first one is called."""
    assert age_s(processes(tmp_path, age_s=61.5, name=name)) == 61.5


def test_an_age_that_cannot_be_told(tmp_path: Path) -> None:
    """A container of which nothing can be told counts as young: it is asked at once."""
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "stat").write_text("1 (init) S\n")

    assert age_s(str(tmp_path)) == age_s(str(tmp_path / "nothing")) == 0


def test_the_kernels_own_words() -> None:
    """The kernel's own words are understood: this machine's first process was
    started before this one.
    """
    assert 0 < age_s() < time.clock_gettime(time.CLOCK_BOOTTIME)


def test_the_pause_comes_before_the_question(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command pauses if the container is old enough, and the answer is one of after that."""
    monkeypatch.setattr(probe, "YOUNG_S", 0.0)
    monkeypatch.setenv("CYBER_DOJO_RUNNER_PORT", str(free_port()))
    began_s = time.monotonic()

    status = probe.main(pause_s=0.1)

    assert status == 1
    assert time.monotonic() - began_s >= 0.1
