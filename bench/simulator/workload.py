"""The presses of learners, for any policy: all of a day, or of one group's start."""

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

HOUR_S = 3600.0
ALL_HOURS = (0, 24)
LEARNERS = 30
THINK_S = 30.0  # between two presses, on average
THINK_SIGMA = 1.0  # of the logarithm: half of the pauses are below 18 s, one in 20 above 94 s
FIRST_PRESS_S = 20.0  # of a group that was told to begin: exponential, with this mean
LATE = 0.1  # this part of a class comes in the first five minutes, not at once
LATE_S = 300.0
KATA_CPU_S = 0.3
KATA_SIGMA = 0.5
ENDLESS = 0.005  # of the kata loop for ever, until they are killed
ENDLESS_CPU_S = 10.0
# The languages of classes: a few languages have most of the classes.
# With tags, as the daemon itself names images.
LANGUAGES = {
    "python:1": 0.28, "java:1": 0.22, "csharp:1": 0.14, "javascript:1": 0.12,
    "cpp:1": 0.09, "ruby:1": 0.06, "go:1": 0.05, "kotlin:1": 0.04,
}  # fmt: skip
# Lessons, and clubs in the evening; nobody between 21 and 7 o'clock.
CLASS_HOURS = (8, 9, 10, 11, 13, 14, 15, 16, 18, 19)
CLASSES = 12
CLASS_BEGINS_WITHIN_S = 300.0
CLASS_LASTS_S = (45 * 60.0, 60 * 60.0)
GROUP_BEGINS_S = 60.0
RARE = tuple(f"rare-{number}:1" for number in range(40))
NEW = "new:1"  # a language that nobody used yet
LONE_LEARNERS = 40
LONE_HOURS = (7, 21)  # also those in which somebody comes at all
LONE_LASTS_S = (5 * 60.0, 40 * 60.0)


@dataclass(frozen=True, slots=True)
class Press:
    """A learner presses [test]: when, in which language, and how long the kata computes.

    `into_class_s` counts from the first press of the learner's class; None if it is in none.
    """

    at_s: float
    image: str
    cpu_s: float
    into_class_s: float | None = None


def day(
    seed: int,
    classes: int = CLASSES,
    lone_learners: int = LONE_LEARNERS,
    *,
    learners: int = LEARNERS,
    images: Sequence[str] = tuple(LANGUAGES),
) -> list[Press]:
    """All presses of a day, in order. The same seed gives the same day.

    Classes choose among the languages by how popular they are, lone learners among the `images`
    evenly.
    """
    rng = random.Random(seed)
    presses: list[Press] = []
    for _ in range(classes):
        began_s = rng.choice(CLASS_HOURS) * HOUR_S + rng.uniform(0, CLASS_BEGINS_WITHIN_S)
        language, lasts_s = _language(rng), rng.uniform(*CLASS_LASTS_S)
        presses += a_class(rng, language, began_s, lasts_s, learners=learners)
    for _ in range(lone_learners):
        began_s = rng.uniform(*LONE_HOURS) * HOUR_S
        image, lasts_s = rng.choice(images), rng.uniform(*LONE_LASTS_S)
        times_s = _times_s(rng, began_s, began_s + lasts_s)
        presses += [Press(at_s, image, _cpu_s(rng)) for at_s in times_s]
    return sorted(presses, key=lambda press: press.at_s)


SCHOOL_DAY = "a school day"
SMALL_DAY = "a small day"  # a third of it, where many days are to be simulated
# By name: all presses of a day of that kind, for a seed.
WORKLOADS: dict[str, Callable[[int], list[Press]]] = {
    SCHOOL_DAY: day,
    SMALL_DAY: lambda seed: day(seed, classes=4, lone_learners=13),
    "one class": lambda seed: day(seed, classes=1, lone_learners=0),
    "small groups": lambda seed: day(seed, classes=20, lone_learners=0, learners=5),
    "lone learners": lambda seed: day(seed, classes=0, lone_learners=60),
    "rare images": lambda seed: day(seed, classes=0, lone_learners=60, images=RARE),
}


def within(presses: Sequence[Press], hours: tuple[int, int]) -> list[Press]:
    """The presses that come from the first hour on, and before the second."""
    from_s, until_s = (hour * HOUR_S for hour in hours)
    return [press for press in presses if from_s <= press.at_s < until_s]


def group_start(seed: int, lasts_s: float = 120.0, learners: int = LEARNERS) -> list[Press]:
    """A group that begins at once in a language that nobody used yet, and its first minutes."""
    rng = random.Random(seed)
    return a_class(rng, NEW, GROUP_BEGINS_S, lasts_s, learners=learners, late=0.0)


def a_class(
    rng: random.Random,
    image: str,
    began_s: float,
    lasts_s: float,
    *,
    learners: int = LEARNERS,
    late: float = LATE,
) -> list[Press]:
    """All presses of a class, in order."""
    times_s: list[float] = []
    for _ in range(learners):
        from_s = began_s + rng.uniform(0, LATE_S) if rng.random() < late else began_s
        first_s = from_s + rng.expovariate(1 / FIRST_PRESS_S)
        times_s += _times_s(rng, first_s, began_s + lasts_s)
    times_s.sort()
    return [Press(at_s, image, _cpu_s(rng), at_s - times_s[0]) for at_s in times_s]


def _times_s(rng: random.Random, first_s: float, until_s: float) -> Iterator[float]:
    at_s = first_s
    while at_s < until_s:
        yield at_s
        at_s += _with_mean(rng, THINK_S, THINK_SIGMA)


def _cpu_s(rng: random.Random) -> float:
    if rng.random() < ENDLESS:
        return ENDLESS_CPU_S
    return _with_mean(rng, KATA_CPU_S, KATA_SIGMA)


def _with_mean(rng: random.Random, mean: float, sigma: float) -> float:
    """A lognormal number with this mean: many are short, few are long."""
    return rng.lognormvariate(math.log(mean) - sigma * sigma / 2, sigma)


def _language(rng: random.Random) -> str:
    return rng.choices(list(LANGUAGES), weights=list(LANGUAGES.values()))[0]
