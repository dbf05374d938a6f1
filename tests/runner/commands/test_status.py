"""`dojo-runner status`: the pools of a daemon, for people and for programs."""

import json
from typing import Any, cast

import pytest
from rich.console import Console

from runner.client import RunnerError
from runner.commands import status
from runner.commands.status import view
from tests.conftest import FAKE_IMAGE, ServeFake
from tests.daemon_process import free_port
from tests.runner.typed import dojo_runner


async def test_the_pools_in_plain_text(serve_fake: ServeFake) -> None:
    """An output that is no terminal gets the table once, without any escape code."""
    async with serve_fake() as served:
        await served.until_ready()
        await served.run()
        said = await dojo_runner("status", "--url", served.url, COLUMNS="200")

    assert said.status == 0, said.stderr
    heading, titles, row = said.stdout.splitlines()
    assert " ok  up 0 min, running 0, queued 0, refused 0, single use" in heading
    assert titles.split()[:4] == ["image", "warm", "starting", "in"]
    assert row.startswith(FAKE_IMAGE)
    assert "read-only" in row
    assert "\x1b" not in said.stdout


async def test_for_programs(serve_fake: ServeFake) -> None:
    """--json prints what /health answers."""
    async with serve_fake() as served:
        await served.until_ready()
        said = await dojo_runner("status", "--url", served.url, "--json")

    assert json.loads(said.stdout)["status"] == "ok"


async def test_no_daemon() -> None:
    """One line says at which address no daemon answers, and the status is 1."""
    url = f"http://127.0.0.1:{free_port()}"

    said = await dojo_runner("status", "--once", "--url", url)

    assert (said.status, said.stdout, said.stderr.count("\n")) == (1, "", 1)
    assert url in said.stderr


def test_a_daemon_of_another_version() -> None:
    """What a daemon does not tell is a dash, and nothing fails."""
    health: dict[str, object] = {"images": {"[red]gcc:1[/]": {"warm": 2}}, "pulling": ["ruby:1"]}

    text = "".join(
        segment.text for segment in Console(width=200, no_color=True).render(view(health))
    )

    assert "[red]gcc:1[/]" in text
    assert "pulling ruby:1" in text
    assert "up 0 min, running -" in text


@pytest.mark.parametrize("value", ["x", [], {}, None, True, -1, 1e300, 10**400, float("nan")])
def test_what_no_daemon_would_tell(value: object) -> None:
    """A value of another kind is a dash, as if it had not been told, and nothing fails."""
    health: dict[str, Any] = {
        "uptime_s": value,
        "reuse": {"kind": []},
        "pulling": ["gcc:1", value],
        "images": {"gcc:1": {"fill_seconds": [1.5, value]}, "ruby:1": {"fill_seconds": value}},
    }

    text = "".join(segment.text for segment in Console(width=200).render(view(health)))

    assert "up -, running -" in text
    assert " ms" not in text


def test_a_daemon_that_has_run_nothing() -> None:
    """The table would be empty, so a line says why."""
    segments = Console(width=80).render(view({"images": {}, "uptime_s": 90000.0 * 3}))

    text = "".join(segment.text for segment in segments)
    assert "no image has been used yet" in text
    assert "up 3 d" in text


class Answers:
    """A client whose daemon gives these answers, and is then interrupted."""

    def __init__(self, *answers: dict[str, object] | RunnerError) -> None:
        self._rest = iter(answers)

    async def health(self) -> dict[str, object]:
        """The next answer."""
        answer = next(self._rest, None)
        if answer is None:
            raise KeyboardInterrupt
        if isinstance(answer, RunnerError):
            raise answer
        return answer


async def test_it_follows_a_daemon(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A daemon that goes away is told, and is shown again when it answers again."""
    monkeypatch.setattr(status, "EVERY_S", 0)
    answers = Answers(RunnerError("no answer"), {"images": {"gcc:1": {}}})

    with pytest.raises(KeyboardInterrupt):
        await status._follow(cast(Any, answers), {"images": {}})

    assert "gcc:1" in capsys.readouterr().out
