"""`dojo-runner warm`, against a daemon."""

import json

from tests.conftest import FAKE_IMAGE, ServeFake
from tests.runner.typed import dojo_runner

TOKEN = "a token of 16 and more"  # noqa: S105 - of a test
VARIABLE = "CYBER_DOJO_RUNNER_ACTS_TOKEN"


async def test_an_image_is_kept_warm(serve_fake: ServeFake) -> None:
    """The daemon starts the containers, and the command says how many it keeps."""
    async with serve_fake(acts_token=TOKEN, warm=None) as served:
        await served.until_ready()
        words = ("warm", FAKE_IMAGE, "-n", "3", "--url", served.url)

        said = await dojo_runner(*words, **{VARIABLE: TOKEN})
        for_programs = await dojo_runner(*words, "--json", **{VARIABLE: TOKEN})

        assert (said.status, said.stderr) == (0, "")
        assert said.stdout == f"{FAKE_IMAGE}: 3 containers are kept warm\n"
        assert json.loads(for_programs.stdout) == {"image": FAKE_IMAGE, "target": 3}
        assert served.service.health().pools[FAKE_IMAGE].target == 3


async def test_what_is_refused_is_one_line(serve_fake: ServeFake) -> None:
    """A wrong token, an unknown image, too large a number and no token are each told in words."""
    async with serve_fake(acts_token=TOKEN) as served:
        await served.until_ready()
        refused = [
            ((FAKE_IMAGE,), {VARIABLE: "another token of 16"}, "Authorization"),
            (("none:1",), {VARIABLE: TOKEN}, "none:1"),
            ((FAKE_IMAGE, "-n", "100000"), {VARIABLE: TOKEN}, "containers"),
            ((FAKE_IMAGE,), {}, VARIABLE),
        ]
        for words, variables, expected in refused:
            said = await dojo_runner("warm", *words, "--url", served.url, **variables)

            assert (said.status, said.stdout) == (1, ""), said
            assert said.stderr.count("\n") == 1
            assert expected in said.stderr


async def test_a_daemon_may_let_nobody_act(serve_fake: ServeFake) -> None:
    """A daemon without a token says so in no riddle."""
    async with serve_fake() as served:
        await served.until_ready()

        said = await dojo_runner("warm", FAKE_IMAGE, "--url", served.url, **{VARIABLE: TOKEN})

    assert said.status == 1
    assert "ACTS_TOKEN" in said.stderr
