"""How the time of one request is shared out: pure, in seconds of the event loop's clock.

A request has a budget, from its arrival. A run waits for its place as long as the rest of the
budget suffices for what runs of its image usually take. The program's time limit is cut to what
queueing and a cold start have left of the budget, so that the learner gets partial output in any
case. After the deadline the service has one moment more to say why there is no answer. So an answer
is never later than budget + 1 s.
"""

GRACE_S = 1.0  # after the learner's limit, between TERM and KILL
HARVEST_S = 4.0  # from the program's end to the last byte of the answer
JUDGE_S = 5.0  # from the answer to the result; a colour alone may take that long
# Past the deadline, for the last words, files and colour of a late answer.
LAST_MOMENT_S = 0.7
LATEST_S = 0.9  # past the deadline: the service waits for nothing any longer than that

# The part of the budget that is kept for the program's end and the harvest when the program's limit
# is cut. A small harvest takes less.
_KEPT_S = 2.0
SHORTEST_LIMIT_S = 1.0  # with less than that no program is begun
# How long a run may queue at least, even if runs of its image usually take the whole budget.
SHORTEST_QUEUE_S = 3.0

# The time that a run that is made again needs beside its program's: for the start of its container,
# its harvest, its files and its colour.
_AGAIN_S = 3.0


def worst_s(max_seconds: float) -> float:
    """The time from hand-over to the answer, if the program uses all of its time."""
    return max_seconds + GRACE_S + HARVEST_S


def needed_s(max_seconds: float, usual_s: float, budget_s: float) -> float:
    """The time that a run must have left of its budget when it gets its place.

    `usual_s` is what runs of its image usually take from there on. 0 means that it is not known;
    such an image counts as a quick one.
    """
    least_s = max(usual_s, SHORTEST_LIMIT_S + _KEPT_S)
    return max(0.0, min(least_s, worst_s(max_seconds), budget_s - SHORTEST_QUEUE_S))


def limit_s(max_seconds: float, left_s: float, usual_s: float = 0.0) -> float | None:
    """The program's time limit when `left_s` of the budget is left; None: it must not begin.

    It is never cut below what programs of its image usually take, `usual_s`.
    """
    least_s = min(max_seconds, max(usual_s, SHORTEST_LIMIT_S))
    if left_s < least_s:
        return None
    return min(max_seconds, max(left_s - _KEPT_S, least_s))


def deadline_before_stop(deadline_s: float, last_s: float, now_s: float, usual_s: float) -> float:
    """The deadline of a program that begins now, if no run goes on after `last_s`.

    The deadline is cut only if enough time is left then for what programs of the image usually
    take, and for partial output. With less time it is not cut, because the program may be quick.
    """
    ends_s = last_s - LATEST_S
    if ends_s - now_s < max(usual_s, SHORTEST_LIMIT_S + _KEPT_S):
        return deadline_s
    return min(deadline_s, ends_s)


def had_words(limit_s: float, asked_s: float) -> str:
    """The time that a program had, in words that say so if it was less than the kata asks for."""
    words = f"{limit_s:.3g} s"
    if limit_s == asked_s:
        return words
    return f"{words} of {asked_s:g} s: the rest had gone by before the program began"


def may_run_again(took_s: float, left_s: float) -> bool:
    """Whether the time left suffices for the same run again, a cold start included.

    If the second run takes longer than the first, it is broken off at the deadline, as any run is.
    """
    return left_s >= took_s + _AGAIN_S
