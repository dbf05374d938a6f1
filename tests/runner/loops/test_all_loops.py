"""No loop is without a test that makes it fail, and operators see what has failed."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.runner.operators.scrape import scrape
from tests.waiting import eventually

from .support import BUG


def test_each_loop_has_a_test_that_makes_it_fail() -> None:
    """No loop of the sources is without a test in this file that sees it fail and work again."""
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_with*.py"))
    seen = re.findall(r'operators\.see\("(.+)"\)', tests)

    assert sorted(seen) == sorted(_loops_in(Path(__file__).parents[3]))


def _loops_in(folder: Path) -> Iterator[str]:
    """The name that each loop of the sources is given where it begins."""
    for room in ("pool", "runner"):
        for path in (folder / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                match node:
                    case ast.Call(
                        func=ast.Attribute(attr="loop"), args=[_, ast.Constant(str(name))]
                    ):
                        yield name
                    case ast.Call(func=ast.Attribute(attr="loop")):
                        pytest.fail(f"{path}:{node.lineno}: a loop without a plain name")


async def test_operators_see_a_loop_that_has_failed(serve_fake: ServeFake) -> None:
    """`/health` and `/metrics` tell that it failed and why, and then that it runs again."""
    engine = FakeEngine()
    engine.containers.bug = BUG
    async with serve_fake(engine) as http:

        async def watch() -> dict[str, object]:
            loops = (await http.ask("/health", verb="GET")).body["loops"]
            assert loops["image changes"] == {"is_running": True, "failures": 0, "last_error": ""}
            status: dict[str, object] = loops["engine watch"]
            return status

        await eventually(watch, lambda status: status["failures"] == 1)
        told = await eventually(watch, lambda status: bool(status["is_running"]))
        seen = await scrape(http)

    assert told == {"is_running": True, "failures": 1, "last_error": "a bug"}
    watch_label, other = (("loop", "engine watch"),), (("loop", "image changes"),)
    assert seen["runner_loop_failures_total", watch_label] == 1
    assert seen["runner_loop_failures_total", other] == 0
    assert seen["runner_loop_running", watch_label] == 1
