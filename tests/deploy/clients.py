"""Clients for as long as stdin is open: they post runs, and then say in JSON what came of them.

clients.py URL. It stands alone, so that the service's own image can run it beside the service.
One after the other and several at a time, with a new connection for each and over kept ones.
"""

import asyncio
import collections
import json
import sys
import time
from typing import Any

import aiohttp

KATA = {
    "id": "aBc123",
    "files": {"cyber-dojo.sh": "echo hello"},
    "manifest": {
        "image_name": "dojo-runner/busybox-bash:latest",
        "max_seconds": 10,
        "rag_lambda": "->(_out, _err, status) { status == 0 ? :green : :red }",
    },
}
AT_ONCE = 3


async def main(url: str) -> None:
    """Post runs, and print what came of each, until stdin ends."""
    counts: collections.Counter[str] = collections.Counter()
    failures: list[str] = []
    over = asyncio.Event()

    async def post(http: aiohttp.ClientSession, kind: str) -> None:
        counts[kind] += 1
        try:
            async with http.post(f"{url}/run_cyber_dojo_sh", json=KATA) as response:
                said: Any = await response.text()
                outcome = json.loads(said)["run_cyber_dojo_sh"]["outcome"]
                if (response.status, outcome) != (200, "green"):
                    failures.append(f"{time.time():.1f} {kind}: {response.status} {said[:200]}")
        except Exception as error:
            failures.append(f"{time.time():.1f} {kind}: {error!r}")

    async def client(kind: str, *, kept: bool, idle_s: float) -> None:
        connector = aiohttp.TCPConnector(force_close=not kept)
        limit = aiohttp.ClientTimeout(total=40)
        async with aiohttp.ClientSession(connector=connector, timeout=limit) as http:
            while not over.is_set():
                await post(http, kind)
                await asyncio.sleep(idle_s)

    async def until_stdin_ends() -> None:
        await asyncio.to_thread(sys.stdin.read)
        over.set()

    await asyncio.gather(
        until_stdin_ends(),
        client("new connections", kept=False, idle_s=0.1),
        client("a kept connection", kept=True, idle_s=0.1),
        client("a connection that idles", kept=True, idle_s=1.5),
        *(client("new, at once", kept=False, idle_s=0.3) for _ in range(AT_ONCE)),
        *(client("kept, at once", kept=True, idle_s=0.3) for _ in range(AT_ONCE)),
    )
    print(json.dumps({"counts": counts, "failures": failures}))  # noqa: T201 - for the test


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
