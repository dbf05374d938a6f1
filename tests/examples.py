"""How many random examples a test tries."""

import os


def examples(usual: int) -> int:
    """How many random examples to try: as many as the test says, more for `make
    fuzz`, fewer for `make quick`.
    """
    if fuzzing := os.environ.get("FUZZ_EXAMPLES"):
        return int(fuzzing)
    return min(usual, int(os.environ.get("MOST_EXAMPLES", usual)))
