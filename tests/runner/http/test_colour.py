"""The colour of a run; the traffic light's own tests ask it for much more."""

import pytest

from pool import Folder, Found
from runner.container.profile import RED_AMBER_GREEN
from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.runner.http.support import Events, text
from tests.serving import Served


async def test_the_lambda_of_the_image_decides(http: Served) -> None:
    """Without a rag_lambda in the manifest the image's own lambda is asked."""
    result = await http.run("echo '1 failed in 0.01s'; exit 1", rag_lambda=None)

    assert (result["outcome"], result["log"]) == ("red", {})


async def test_an_image_without_a_lambda_is_faulty(serve_fake: ServeFake) -> None:
    """Without any lambda the log tells what was missing, and all else is the run's own."""
    engine = FakeEngine()
    async with serve_fake(engine) as http:
        engine.images.add("cyberdojo/plain:1")
        result = await http.run(
            "echo out; echo err >&2; echo x >made; exit 1",
            image_name="cyberdojo/plain:1",
            rag_lambda=None,
        )

    assert result == {
        "stdout": text("out\n"),
        "stderr": text("err\n"),
        "status": "1",
        "outcome": "faulty",
        "log": {
            "call": "colour(rag_lambda, stdout, stderr, status)",
            "args": {"stdout": "out\n", "stderr": "err\n", "status": "1"},
            "exception": {"context": "image_name must have /usr/local/bin/red_amber_green.rb file"},
        },
        "created": {"made": text("x\n")},
        "changed": {},
    }


@pytest.mark.docker
@pytest.mark.parametrize(
    ("source", "context"),
    [
        ("lambda { |", "exception when eval'ing lambda source"),
        ("no_such_thing", "exception when eval'ing lambda source"),
        ("->(o, e, s) { raise 'oh dear' }", "exception when calling lambda source"),
        ("->(o, e, s) { exit! }", "exception when calling lambda source"),
        ("", "exception when calling lambda source"),
        ("->(o, e, s) { :blue }", "illegal colour; must be one of ['red','amber','green']"),
        ("->(o, e, s) { nil }", "illegal colour; must be one of ['red','amber','green']"),
    ],
)
async def test_a_lambda_at_fault_leaves_the_run_as_it_was(
    cells_http: Served, logs: Events, source: str, context: str
) -> None:
    """The outcome is faulty, the log says in which way, and all else is the run's own."""
    result = await cells_http.run("echo out; echo x >made; exit 3", rag_lambda=source)

    log = result.pop("log")
    assert result == {
        "stdout": text("out\n"),
        "stderr": text(),
        "status": "3",
        "outcome": "faulty",
        "created": {"made": text("x\n")},
        "changed": {},
    }
    assert log["exception"]["context"] == context
    assert log["args"] == {"stdout": "out\n", "stderr": "", "status": "3"}
    assert log["call"]
    (event,) = [event for event in logs if event["message"] == "run ended badly"]
    assert event["kata_id"] == "aBc123"
    assert context in event["reason"]


@pytest.mark.docker
async def test_a_lambda_is_asked_once_for_the_same_output(cells_http: Served) -> None:
    """A lambda that answers by chance gives the same output one colour.

    By chance a lambda that is asked each time would do so once in 170,000 times.
    """
    dice = "->(_, _, _) { %i[red amber green].sample }"
    for script in ("echo one", "echo two"):
        colours = {(await cells_http.run(script, rag_lambda=dice))["outcome"] for _ in range(12)}
        assert len(colours) == 1


@pytest.mark.docker
async def test_a_lambda_at_fault_is_asked_again(cells_http: Served) -> None:
    """A fault of a lambda is never remembered."""
    source = "->(_, _, _) { raise rand.to_s }"
    faults = [
        (await cells_http.run("echo out", rag_lambda=source))["log"]["exception"]["message"]
        for _ in range(2)
    ]
    assert faults[0] != faults[1]


@pytest.mark.docker
async def test_a_lambda_is_called_with_texts_and_a_number(cells_http: Served) -> None:
    """A lambda gets what the learner sees of stdout and stderr, and the status as an integer."""
    result = await cells_http.run(
        "printf 'a\\377é'; echo b >&2; exit 7",
        rag_lambda='->(o, e, s) { [o, e, s] == ["aé", "b\\n", 7] ? "green" : :red }',
    )

    assert result["outcome"] == "green"


@pytest.mark.parametrize("found", [None, Folder.FILLED, b"x" * 1_000_000])
async def test_what_is_no_lambda_counts_as_none(serve_fake: ServeFake, found: Found | None) -> None:
    """A folder in the lambda's place, or a file of over 256 KiB, leaves a run without a colour."""
    engine = FakeEngine()
    engine.images.add("an/image:1", {} if found is None else {RED_AMBER_GREEN: found})
    async with serve_fake(engine) as http:
        result = await http.run("exit 3", image_name="an/image:1", rag_lambda=None)

    assert (result["outcome"], result["status"]) == ("faulty", "3")
    context = result["log"]["exception"]["context"]
    assert context == f"image_name must have {RED_AMBER_GREEN} file"
