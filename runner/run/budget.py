"""How the time of one request is shared out: pure, in seconds of the event loop's clock.

A request has a budget, from its arrival. The program's time limit is cut to what queueing and a
cold start have left of the budget, so that partial output is returned in any case. Past the
deadline there is one moment, to say why there is no answer: an answer is never later than
budget + 1 s.
"""

GRACE_S = 1.0  # after the learner's limit, between TERM and KILL
HARVEST_S = 4.0  # from the program's end to the last byte of the answer
JUDGE_S = 5.0  # from the answer to the result; a colour alone may take that long
# Past the deadline, for the last words, files and colour of a late answer.
LAST_MOMENT_S = 0.7
LATEST_S = 0.9  # past the deadline: after that nothing is waited for

# Of the budget, when the program's limit is cut: its end and a small harvest take less.
_KEPT_S = 2.0
SHORTEST_LIMIT_S = 1.0  # with less than that no program is begun


def worst_s(max_seconds: float) -> float:
    """The time from hand-over to the answer, if the program uses all of its time."""
    return max_seconds + GRACE_S + HARVEST_S


def limit_s(max_seconds: float, left_s: float) -> float | None:
    """The program's time limit when `left_s` of the budget is left; None: it must not begin."""
    if left_s < min(max_seconds, SHORTEST_LIMIT_S):
        return None
    return min(max_seconds, max(left_s - _KEPT_S, SHORTEST_LIMIT_S))
