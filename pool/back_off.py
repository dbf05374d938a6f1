"""How long to pause between attempts that fail; the only back-off of this project."""

from dataclasses import dataclass

_MOST_DOUBLINGS = 30  # by then a pause is longer than any `longest_s`; a float has its limits


@dataclass
class BackOff:
    """Pauses of `first_s`, then each twice as long as the one before, up to `longest_s`.

    It reads no clock: the caller decides what to do with the pause.
    """

    first_s: float = 1.0
    longest_s: float = 60.0
    failures: int = 0  # in a row

    def failed(self) -> float:
        """Count a failed attempt, and return the seconds to pause before the next one."""
        pause_s = min(self.first_s * 2.0**self.failures, self.longest_s)
        self.failures = min(self.failures + 1, _MOST_DOUBLINGS)
        return pause_s

    def succeeded(self) -> None:
        """Forget the failures: the next pause is `first_s` again."""
        self.failures = 0
