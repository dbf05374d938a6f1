"""What comes of a program that ends by itself, in real containers."""

import pytest

from runner.kata import Outcome
from tests.runner.container.inside.places import GNU, Run, Way, by_way, everywhere, mostly, once
from tests.runner.katas import Katas

pytestmark = pytest.mark.docker


class TestProgram:
    """What comes of a program that ends by itself."""

    @everywhere
    async def test_everything_it_leaves_is_returned(self, run: Run) -> None:
        """Both outputs, the status, and the created and changed files are returned."""
        result = await run(
            'echo out; echo err >&2; echo new >new; echo more >>old; echo in >"d/a b"; exit 7',
            files={"old": "old\n", "same": "same\n", "d/same": ""},
        )

        assert (result.outcome, result.status, result.log) == (Outcome.AMBER, "7", {})
        assert (result.stdout.content, result.stderr.content) == ("out\n", "err\n")
        assert {name: text.content for name, text in result.created.items()} == {
            "new": "new\n",
            "d/a b": "in\n",
        }
        assert {name: text.content for name, text in result.changed.items()} == {
            "old": "old\nmore\n"
        }

    @everywhere
    async def test_it_starts_as_the_contract_says(self, run: Run) -> None:
        """A program starts in /sandbox, without input, with files of mode 0644 and its
        request's variables.
        """
        result = await run(
            'pwd; read -r x || echo "no stdin"; echo "$CYBER_DOJO_ID $CYBER_DOJO_IMAGE_NAME";'
            " find . -type f -perm 0644 -user 41966 -group 51966 -name 'a*'; find sub -type d",
            files={"a": "", "sub/deep/ab": ""},
        )

        lines = result.stdout.content.splitlines()
        assert lines[:3] == ["/sandbox", "no stdin", lines[2]]
        assert lines[2].startswith("id dojo-runner/")
        assert sorted(lines[3:]) == ["./a", "./sub/deep/ab", "sub", "sub/deep"]

    @by_way
    async def test_it_is_told_no_secret_and_finds_no_descriptor(
        self, ways: dict[Way, Katas], image: str, way: Way
    ) -> None:
        """The nonce is in none of its variables, arguments or open descriptors."""
        result = await ways[way].run(
            image,
            "env | grep -iE 'nonce|limit|whole'; echo $# $BASH_ARGC; readlink /proc/$$/fd/*",
        )

        assert result.stdout.content.splitlines() == [
            "0 0",
            "/dev/null",
            "/.dojo/stdout",
            "/.dojo/stderr",
            "/sandbox/cyber-dojo.sh",
        ]

    @pytest.mark.parametrize(
        ("ending", "status"),
        [
            ("exit 0", "0"),
            ("exit 255", "255"),
            ("exit 256", "0"),
            ("kill -SEGV $$", "139"),
            ("kill -TERM $$", "143"),
            ("kill -KILL $$", "137"),
            ("no-such-command", "127"),
            ("if", "2"),
            ("/sandbox/data", "126"),
        ],
    )
    @once
    async def test_its_status_is_bashs(self, run: Run, ending: str, status: str) -> None:
        """The status is an exit status, 128 and a signal's number, or what bash says of
        a script.
        """
        result = await run(ending, files={"data": "x"})

        assert result.status == status

    async def test_no_script(self, ways: dict[Way, Katas]) -> None:
        """Files without a cyber-dojo.sh give bash's own words and status."""
        result = await ways[Way.ATTACH].run(GNU, "mv cyber-dojo.sh x; exec bash ./cyber-dojo.sh")

        assert result.status == "127"
        assert "cyber-dojo.sh: No such file or directory" in result.stderr.content

    @mostly
    async def test_what_it_leaves_running_ends_with_it(self, run: Run) -> None:
        """A process in the background, even in a session of its own, changes nothing afterwards."""
        result = await run(
            """trap '' TERM INT HUP
( trap '' TERM INT HUP; while :; do echo more >>growing; done ) &
set -m; ( while :; do echo more >>growing; done ) & set +m
echo ended"""
        )

        assert (result.status, result.stdout.content) == ("0", "ended\n")

    @by_way
    async def test_setsid_does_not_outlive_it(self, run: Run) -> None:
        """A process in a session of its own that ignores every signal is ended with the run."""
        result = await run(
            "setsid bash -c \"trap '' TERM INT HUP QUIT; while :; do :; done\" & disown; echo ended"
        )

        assert (result.status, result.stdout.content) == ("0", "ended\n")
