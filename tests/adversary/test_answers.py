"""Programs that forge or overload an answer: on the real engine, as a learner would do it."""

import asyncio

import pytest

from pool import DockerClient
from tests.adversary.alive import AliveTimes, alive_times
from tests.adversary.support import BUSYBOX, GCC, LONGEST, PYTHON, Result, Victim
from tests.daemon_process import DOCKER_HOST, Daemon

pytestmark = [pytest.mark.docker, pytest.mark.long]

MIB = 1024 * 1024
LARGEST_DELTA_BYTES = 8 * MIB
# What the daemon may take beside what it has when it is idle, in a container of 512 MiB.
PEAK_BYTES = 350 * MIB

FORGE = """
import io, tarfile
evil = tarfile.TarInfo("sandbox/evil")
header = bytearray(evil.tobuf(tarfile.GNU_FORMAT))
header[124:136] = b"\\xff" * 12
header[148:156] = b" " * 8
header[148:156] = b"%06o\\0 " % sum(header)
for place in ("/tmp/evil.tar", "/.dojo/stderr"):
    with open(place, "wb") as file:
        file.write(header * 200)
for place in ("/tmp/cut.sh", "/tmp/main.sh", "/tmp/tar", "/sandbox/tar", "/tmp/find"):
    with open(place, "w") as file:
        file.write("#!/bin/bash\\ncat /tmp/evil.tar\\n")
with open("/sandbox/large", "wb") as file:
    file.write(b"x" * 70_000)
"""


async def test_an_archive_in_the_place_of_our_scripts(victim: Victim) -> None:
    """A program that writes an archive where our script answers has none of its bytes taken for the
    script's. The answer is honest.
    """
    result = await victim.attack(
        PYTHON, "python3 forge.py; chmod +x /tmp/* tar; exit 1", files={"forge.py": FORGE}
    )

    assert (result["outcome"], result["status"], result["log"]) == ("red", "1", {})
    assert result["stderr"]["truncated"]
    assert result["created"]["large"] == {"content": "x" * LONGEST, "truncated": True}


async def test_nuls_in_what_was_printed(victim: Victim) -> None:
    """NULs in an output or in a file do not end it before its limit."""
    result = await victim.attack(
        PYTHON, r"""python3 -c 'print("a" + "\0" * 9 + "b" * 70_000, end="")'; exit 1"""
    )

    assert result["stdout"] == {
        "content": ("a" + "\0" * 9 + "b" * LONGEST)[:LONGEST],
        "truncated": True,
    }


async def assert_lives(daemon: Daemon, times: AliveTimes) -> None:
    """The daemon has answered all along, and its memory would have fit."""
    peak_bytes = daemon.peak_bytes()
    assert peak_bytes < daemon.memory_bytes() + PEAK_BYTES
    async with alive_times(daemon.url) as control:
        busy = "for n in 1 2 3; do while :; do :; done & done; wait"
        await asyncio.gather(*(daemon.run(BUSYBOX, busy, seconds=1) for _ in range(4)))
    assert times.p99_s < 5 * control.p99_s + 0.2


ESCAPES = "head -c 51200 /dev/zero | tr '\\0' '\\33' | tee f??? >/dev/null; exit 1"


async def test_nine_hundred_files_of_escape_characters(attached: Victim) -> None:
    """Files that are six times as long as JSON are left out beyond a limit, and counted.

    Four such answers at once are no more than the daemon can hold.
    """
    sent = {f"f{number:03}": "" for number in range(900)}
    attached.daemon.forget_peak()
    async with alive_times(attached.daemon.url) as times:
        results = await asyncio.gather(
            *(attached.daemon.run(GCC, ESCAPES, files=sent, seconds=20) for _ in range(4))
        )
    await assert_lives(attached.daemon, times)

    for result in results:
        assert (result["outcome"], result["status"]) == ("red", "1"), result["log"]
        assert 20 <= len(result["changed"]) < LARGEST_DELTA_BYTES // LONGEST
        assert "texts: over 8388608 bytes" in result["log"]["left_out"]
    await attached.is_well(GCC)


SMALL_BINARIES = """
for number in range(14_000):
    with open(f"/sandbox/b{number}", "wb") as file:
        file.write(b"PK\\3\\4\\0\\1" * 20)
"""


async def test_fourteen_thousand_small_binaries(attached: Victim) -> None:
    """The time for libmagic is bounded: files for which there was no time are left out."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    async with alive_times(attached.daemon.url) as times:
        result = await attached.daemon.run(
            PYTHON, "python3 many.py; echo x >a; exit 1", files={"many.py": SMALL_BINARIES}
        )
        took_s = loop.time() - began_s
    await assert_lives(attached.daemon, times)

    assert (result["outcome"], result["status"]) == ("red", "1"), result["log"]
    assert "a" in result["created"]
    assert took_s < 26
    await attached.is_well(PYTHON)


async def test_a_large_answer_is_judged_whole(attached: Victim) -> None:
    """All changes of a program that writes many files are returned, if they are far
    from the limits.
    """
    sent = {f"f{number:03}": "" for number in range(100)}

    result = await attached.attack(
        BUSYBOX,
        "n=0; printf '%060000d' 0 >0; for f in f*; do cp 0 $f; done; echo out; exit 1",
        files=sent,
    )

    assert list(result["changed"]) == sorted(sent)
    assert {len(text["content"]) for text in result["changed"].values()} == {LONGEST}
    assert result["log"] == {}


async def paused(daemon: Daemon, image: str) -> None:
    """All of its containers of this image stand still."""
    client = DockerClient(DOCKER_HOST, lambda error: None)
    try:
        image_id = (await client.docker.images.inspect(image))["Id"]
        for container in await daemon.containers():
            there = client.docker.containers.container(container.container_id)
            if (await there.show())["Image"] == image_id:
                await there.pause()
    finally:
        await client.close()


async def test_a_container_that_stands_still_is_no_time_out(attached: Victim) -> None:
    """A program whose container the engine has paused has not timed out."""
    await attached.is_well(BUSYBOX)
    await paused(attached.daemon, BUSYBOX)

    result: Result = await attached.daemon.run(BUSYBOX, "echo out", seconds=1)

    assert (result["outcome"], result["status"]) == ("faulty", "143")
    assert "cannot be reached" in result["log"]["reason"]
    await attached.is_well(BUSYBOX)
