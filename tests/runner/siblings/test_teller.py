"""When siblings are told, which of them, and what: in virtual time, without HTTP."""

import asyncio
from collections import Counter
from collections.abc import Sequence

from bench.simulator import virtual_time
from runner.siblings.notice import RefillNotice
from runner.siblings.teller import BETWEEN_NOTICES_S, SILENCE_S, Standing, Teller

EVERYBODY = ["a", "b", "c", "d"]


class Post:
    """A teller of two siblings at a time, and what it sends: when, to which, what."""

    def __init__(self, ready: Sequence[str] = EVERYBODY) -> None:
        self.sent: list[tuple[float, Sequence[str], RefillNotice]] = []
        self.standing: Standing | None = Standing(0.5, 0.25, 2, 3)
        self.now_s = asyncio.get_running_loop().time
        self.teller = Teller[str](
            told=2,
            replica="me",
            standing=lambda image: self.standing,
            ready=lambda: ready,
            send=lambda notice, chosen: self.sent.append((self.now_s(), chosen, notice)),
            unix_s=self.now_s,
        )

    async def takes(self, count: int, every_s: float, image: str = "image") -> None:
        """So many takes, one after the other."""
        for _ in range(count):
            self.teller.took(image)
            await asyncio.sleep(every_s)


def test_the_first_take_is_told_to_all_at_once() -> None:
    """All siblings hear of the first take of an image, at the time of the take."""

    async def story() -> None:
        post = Post()
        await post.takes(1, every_s=5.0)

        [(at_s, chosen, notice)] = post.sent
        assert (at_s, chosen) == (0.0, EVERYBODY)
        assert (notice.replica, notice.image, notice.takes, notice.told) == ("me", "image", 1, 4)
        assert (notice.take_rate, notice.fill_rate) == (0.5, 0.25)
        assert (notice.warm, notice.target) == (2, 3)

    virtual_time.run(story(), seed=1)


def test_no_more_than_asked_for_are_told_of_the_next() -> None:
    """Some siblings, each as often as the others, hear of a take that is no news."""

    async def story() -> None:
        post = Post()
        await post.takes(401, every_s=2.0)

        told = [chosen for _, chosen, _ in post.sent[1:]]
        assert all(len(set(chosen)) == 2 for chosen in told)
        counts = Counter(one for chosen in told for one in chosen)
        assert counts.keys() == set(EVERYBODY)
        assert all(150 < count < 250 for count in counts.values())
        assert {notice.told for _, _, notice in post.sent[1:]} == {2}

    virtual_time.run(story(), seed=1)


def test_takes_within_a_second_are_told_together() -> None:
    """Takes in the pause after a notice are told when it is over, and sequences grow."""

    async def story() -> None:
        post = Post()
        await post.takes(8, every_s=0.1)
        await asyncio.sleep(5.0)

        (first_s, _, first), (next_s, _, following) = post.sent
        assert (first.takes, following.takes) == (1, 7)
        assert next_s - first_s == BETWEEN_NOTICES_S
        assert first.sequence < following.sequence

    virtual_time.run(story(), seed=1)


def test_after_a_silence_all_are_told_again() -> None:
    """A take after a minute without notices of its image is news again."""

    async def story() -> None:
        post = Post()
        await post.takes(2, every_s=SILENCE_S)

        assert [chosen for _, chosen, _ in post.sent] == [EVERYBODY, EVERYBODY]

    virtual_time.run(story(), seed=1)


def test_nobody_is_told_of_an_image_that_is_pooled_no_more() -> None:
    """Takes of an image without a pool are forgotten, and its next pool begins anew."""

    async def story() -> None:
        post = Post()
        await post.takes(1, every_s=2.0)
        standing, post.standing = post.standing, None
        await post.takes(1, every_s=2.0)
        post.standing = standing
        await post.takes(1, every_s=2.0)

        assert [chosen for _, chosen, _ in post.sent] == [EVERYBODY, EVERYBODY]
        assert [notice.takes for _, _, notice in post.sent] == [1, 1]

    virtual_time.run(story(), seed=1)


def test_an_announcement_is_told_once() -> None:
    """A pull is told as an announced take, and the takes after it are not announced."""

    async def story() -> None:
        post = Post()
        post.teller.announce("image")
        await asyncio.sleep(2.0)
        await post.takes(1, every_s=2.0)

        assert [notice.announced for _, _, notice in post.sent] == [True, False]
        assert [notice.takes for _, _, notice in post.sent] == [1, 1]

    virtual_time.run(story(), seed=1)


def test_when_no_sibling_is_ready_the_next_take_is_still_news() -> None:
    """Siblings that could not be told of the first take hear of the next one, all of them."""

    async def story() -> None:
        ready: list[str] = []
        post = Post(ready)
        await post.takes(1, every_s=2.0)
        ready.extend(EVERYBODY)
        await post.takes(1, every_s=2.0)

        assert [chosen for _, chosen, _ in post.sent] == [EVERYBODY]

    virtual_time.run(story(), seed=1)


def test_close_ends_a_pause() -> None:
    """A teller that is closed tells nobody of what was taken before."""

    async def story() -> None:
        post = Post()
        await post.takes(2, every_s=0.1)
        post.teller.close()
        await asyncio.sleep(5.0)

        assert len(post.sent) == 1

    virtual_time.run(story(), seed=1)
