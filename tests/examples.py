"""How many random examples a test tries."""

import os


def examples(usual: int) -> int:
    """As many as the test says, more for `make fuzz`, fewer for `make quick`."""
    if fuzzing := os.environ.get("FUZZ_EXAMPLES"):
        return int(fuzzing)
    return min(usual, int(os.environ.get("MOST_EXAMPLES", usual)))
