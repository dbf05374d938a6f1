"""How long the engine took for each call, and how many of them failed."""

from collections import Counter

from pool import Buckets, EngineError

# A list takes 1 ms, a start 300 ms, and a pull minutes.
_BOUNDS_S = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0)


class EngineCalls:
    """The times and failures of the engine's calls, for each of some fifteen operations."""

    def __init__(self) -> None:
        self.seconds: dict[str, Buckets] = {}
        self.failures: Counter[str] = Counter()

    def ended(self, operation: str, seconds: float) -> None:
        """A call has ended, in whatever way."""
        if operation not in self.seconds:
            self.seconds[operation] = Buckets(_BOUNDS_S)
        self.seconds[operation].note(seconds)

    def failed(self, error: EngineError) -> None:
        """A call has failed."""
        self.failures[error.operation] += 1
