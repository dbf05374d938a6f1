"""What a soak sends, from learners' runs to hostile ones, and which answer is right for each."""

import asyncio
import json
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from bench.load import arguments_of
from runner.kata import Kata

IMAGE = "dojo-runner/busybox-bash:latest"
HOME_IMAGE = "dojo-runner/tooled-home:latest"  # in single use each of its containers has a volume
LONGEST_STAY_S = 0.5  # of a client that leaves before its answer
_BY_STATUS = (
    "lambda { |_stdout, _stderr, status| { 0 => :green, 1 => :red }.fetch(status, :amber) }"
)
# The pid of main.sh, whose outputs are those of the container.
_MAIN = "stat=$(</proc/$PPID/stat); stat=${stat##*) }; set -- $stat; main=$2\n"

Answer = Mapping[str, Any]


@dataclass(frozen=True)
class Kind:
    """One kind of request. `share` is of all, in parts of their sum.

    `is_right` judges the status and the JSON of the answer; None for a client that leaves.
    """

    name: str
    share: int
    body: bytes
    is_right: Callable[[int, Answer], bool] | None


def mixture() -> tuple[Kind, ...]:
    """All kinds: two of three are ordinary runs."""
    many = {f"{number:02}.txt": f"line of {number}\n" for number in range(50)}
    return (
        Kind("green", 40, run("cat kept", {"kept": "kept"}), ended("green/0", "kept")),
        Kind("red", 15, run("echo out; exit 1"), ended("red/1", "out\n")),
        Kind("amber", 5, run("echo err >&2; exit 2"), ended("amber/2")),
        Kind("files", 6, run('for f in *.txt; do echo x >>"$f"; done', many), changed(50)),
        Kind("timed out", 3, run("echo out; sleep 9", seconds=1), ended("timed_out/142", "out\n")),
        Kind(
            "deaf", 2, run("trap '' TERM; while :; do :; done", seconds=1), ended("timed_out/142")
        ),
        Kind("suicide", 3, run("kill -9 -1"), ended("faulty/143", "")),
        Kind("flood", 3, run("yes | head -c 3000000"), ended("green/0", "y\n" * 25_600)),
        Kind("litter", 3, run("for n in {1..300}; do echo $n >f$n; done"), created(16)),
        # In a cell there is nothing to write to; elsewhere the answer is unreadable.
        Kind(
            "forger",
            3,
            run(_MAIN + "echo forged 2>/dev/null >/proc/$main/fd/1; exit 0"),
            ended("faulty/144 green/0"),
        ),
        Kind("home", 3, run("echo x >~/new; ls ~", image=HOME_IMAGE), ended("green/0")),
        Kind("left running", 3, run("(trap '' TERM; sleep 99) & exit 1"), ended("red/1")),
        Kind("bad lambda", 2, run("true", rag_lambda="->(a) { }"), ended("faulty/0")),
        Kind("no JSON", 2, b"{" * 5000, refused(400)),
        Kind("deep names", 2, run("true", {"/".join("a" * 300): ""}), refused(400)),
        Kind("large", 2, run("wc -c <x", {"x": "x" * 500_000}), ended("green/0", "500000\n")),
        Kind("gone at once", 3, run("sleep 2"), None),
        Kind("gone in its body", 3, run("true", {"x": "x" * 200_000})[:-1000], None),
    )


def run(
    script: str,
    files: Mapping[str, str] | None = None,
    rag_lambda: str = _BY_STATUS,
    image: str = IMAGE,
    seconds: float = 5,
) -> bytes:
    """The body of a run."""
    kata = Kata("soak", image, seconds, {"cyber-dojo.sh": script, **(files or {})}, rag_lambda)
    return json.dumps(arguments_of(kata)).encode()


def ended(ends: str, stdout: str | None = None) -> Callable[[int, Answer], bool]:
    """A judge of runs that ended in one of these ways and printed this.

    With None any output is right.
    """

    def is_right(status: int, answer: Answer) -> bool:
        result = answer.get("run_cyber_dojo_sh")
        if status != 200 or result is None:
            return False
        end = f"{result['outcome']}/{result['status']}"
        return end in ends.split() and stdout in (None, result["stdout"]["content"])

    return is_right


def changed(count: int) -> Callable[[int, Answer], bool]:
    """A judge of green runs that changed so many files."""
    return lambda status, answer: (
        ended("green/0")(status, answer) and len(answer["run_cyber_dojo_sh"]["changed"]) == count
    )


def created(count: int) -> Callable[[int, Answer], bool]:
    """A judge of green runs that created so many files, of which the answer has the first."""
    return lambda status, answer: (
        ended("green/0")(status, answer) and len(answer["run_cyber_dojo_sh"]["created"]) == count
    )


def refused(expected: int) -> Callable[[int, Answer], bool]:
    """A judge of requests that are refused with this status."""
    return lambda status, answer: status == expected and "exception" in answer


def in_order(kinds: Sequence[Kind], count: int, seed: int = 1) -> Iterable[Kind]:
    """So many requests, by their shares, in an order that is the same each time."""
    rng = random.Random(seed)
    return rng.choices(kinds, [kind.share for kind in kinds], k=count)


async def send(http: aiohttp.ClientSession, url: str, kind: Kind, stay_s: float) -> str:
    """What was wrong with the answer; empty when it was right, or nobody stayed to see it.

    A client that leaves does so `stay_s` after it has sent what it sends. RunnerClient cannot do
    this: it sends no hostile body, and hands on neither the status nor the whole of an answer.
    """
    if kind.is_right is None:
        await _leave(url, kind.body, stay_s)
        return ""
    headers = {"Content-Type": "application/json"}
    try:
        async with http.post(
            f"{url}/run_cyber_dojo_sh", data=kind.body, headers=headers
        ) as response:
            status, answer = response.status, await response.json()
    except (aiohttp.ClientError, TimeoutError) as error:
        return f"{kind.name}: {error!r}"
    return "" if kind.is_right(status, answer) else f"{kind.name}: {status} {_words_of(answer)}"


def _words_of(answer: Answer) -> str:
    """What an answer says, in the order in which it is of interest."""
    result = answer.get("run_cyber_dojo_sh", answer)
    keys = ("outcome", "status", "log", "exception", "stdout", "created", "changed")
    return str({key: result[key] for key in keys if key in result})[:400]


async def _leave(url: str, body: bytes, stay_s: float) -> None:
    host, _, port = url.removeprefix("http://").partition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    head = b"POST /run_cyber_dojo_sh HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
    # A client that does not send its whole body announces a byte more than there is.
    complete = body.endswith(b"}}")
    writer.write(head % (len(body) + (0 if complete else 1000)) + body)
    await asyncio.sleep(stay_s)
    writer.transport.abort()
