"""python -m bench.flood URL PER_SECOND SECONDS [SECRET]: notices that nobody asked for.

With the secret they are signed, as a sibling that has gone mad would send them. Prints how many
were sent, and how many got which status. It takes only what nobody else wants of the cores: in life
it would sit on another machine.
"""

import asyncio
import json
import os
import sys
import time
from collections import Counter

import aiohttp

from bench.katas import IMAGE
from bench.load import client
from runner.refill_notice import PATH, SIGNATURE_HEADER, RefillNotice, sign

EVERY_S = 0.01


async def main(url: str, per_second: int, lasts_s: float, secret: str) -> None:
    """Send them, evenly."""
    statuses: Counter[str] = Counter()
    posts: set[asyncio.Task[None]] = set()
    async with client() as http:
        began_s = time.perf_counter()
        sent = 0
        while (now_s := time.perf_counter() - began_s) < lasts_s:
            while sent < now_s * per_second:
                sent += 1
                posts.add(asyncio.create_task(_post(http, url, sent, secret, statuses)))
            posts = {post for post in posts if not post.done()}
            await asyncio.sleep(EVERY_S)
        await asyncio.gather(*posts)
    print(json.dumps({"sent": sent, **statuses}))


async def _post(
    http: aiohttp.ClientSession, url: str, number: int, secret: str, statuses: Counter[str]
) -> None:
    notice = RefillNotice(
        replica="flood",
        image=IMAGE,
        takes=1000,
        told=1,
        take_rate=1000.0,
        fill_rate=0.0,
        warm=0,
        target=100,
        sequence=time.time_ns() + number,
        sent_at=time.time(),
    )
    body = notice.model_dump_json().encode()
    headers = {SIGNATURE_HEADER: sign(secret or "guessed", body)}
    try:
        async with http.post(f"{url}{PATH}", data=body, headers=headers) as response:
            statuses[str(response.status)] += 1
    except aiohttp.ClientError as error:
        statuses[type(error).__name__] += 1


if __name__ == "__main__":
    os.nice(19)
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), "".join(sys.argv[4:5])))
