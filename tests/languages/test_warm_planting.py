"""What a run plants where a warm-up of its image waits: no other run sees it."""

import pytest

from runner.authors.options import COLOURS, in_colour, read_replacements
from runner.authors.start_point import StartPoint, read_start_point
from runner.client import RunnerClient
from tests.daemon_process import Daemon
from tests.languages.folders import START_POINTS

pytestmark = [pytest.mark.docker, pytest.mark.languages]

SECONDS = 20
PATIENCE_S = 60.0  # the first run of an image waits for its survey and its container
# Answers each client at once that its program has ended well, as the process that waits would.
IMPOSTOR = r"""
use Socket;
my ($name) = @ARGV;
exit if fork;
setpgrp 0, 0;
$SIG{$_} = 'IGNORE' for qw(TERM HUP INT PIPE);
socket(my $door, AF_UNIX, SOCK_STREAM, 0) or die;
bind($door, pack('S a*', AF_UNIX, "\0$name")) or die "bind: $!";
listen($door, 9) or die;
open(my $ready, '>', 'listens') and close $ready;
while (accept(my $client, $door)) {
  syswrite $client, 'ye' . pack('i', 0);
  push our @kept, $client;
}
"""
END_THE_ONES_THAT_WAIT = r"""
for process in /proc/[0-9]*; do
  words=$(tr '\0' ' ' <$process/cmdline)
  [[ $words == */usr/local/lib/warm-* ]] && kill -KILL ${process##*/}
done 2>/dev/null
sleep 0.2
"""
# By image: the name of the abstract socket, and a command that fails unless an impostor answers.
SOCKETS = {
    "python-pytest-warm": ("warm-pytest", "python3 -m pytest no-such-file.py"),
    "java-junit-warm": ("warm-junit", "javac NoSuchFile.java"),
}


def coloured(name: str, colour: str) -> StartPoint:
    """The image's start point in a colour."""
    start_point = read_start_point(START_POINTS[name])
    return in_colour(colour, start_point, read_replacements(start_point))


async def outcomes(running: Daemon, name: str) -> dict[str, str]:
    """The outcomes of a run in each colour."""
    found = {}
    async with RunnerClient(running.url, patience_s=PATIENCE_S) as client:
        for colour in COLOURS:
            start_point = coloured(name, colour)
            result = await client.run(
                start_point.files,
                start_point.image_name,
                max_seconds=SECONDS,
                rag_lambda=start_point.rag_lambda,
            )
            found[colour] = result.outcome
    return found


@pytest.mark.parametrize("name", SOCKETS)
async def test_an_impostor_serves_the_run_that_planted_it_and_no_other(
    running: Daemon, name: str
) -> None:
    """A run may end the process that waits for it and listen in its place, for itself only."""
    socket, fails = SOCKETS[name]
    image = coloured(name, "green").image_name
    script = (
        f"{END_THE_ONES_THAT_WAIT}perl impostor.pl {socket}\n"
        f"until [[ -e listens ]]; do sleep 0.05; done\n{fails}"
    )

    alone = await running.run(image, fails, seconds=SECONDS)
    planted = await running.run(image, script, files={"impostor.pl": IMPOSTOR}, seconds=SECONDS)
    after = await outcomes(running, name)

    assert alone["status"] != "0"
    assert planted["status"] == "0", planted
    assert after == {colour: colour for colour in COLOURS}


async def test_a_poisoned_build_cache_is_the_own_runs_only(running: Daemon) -> None:
    """A run that spoils the cache which the warm-up filled breaks no build but its own."""
    name = "go-testing-warm"
    image = coloured(name, "green").image_name
    poison = (
        "find ~/.cache/go-build -type f -exec sh -c 'for f; do echo poison >$f; done' sh {} +\n"
    )
    count = "grep -rl '^poison$' ~/.cache/go-build | wc -l"

    planted = await running.run(image, poison + count, seconds=SECONDS)
    after = await outcomes(running, name)
    seen = await running.run(image, count, seconds=SECONDS)

    assert int(planted["stdout"]["content"]) > 10, planted
    assert after == {colour: colour for colour in COLOURS}
    assert seen["stdout"]["content"].strip() == "0"
