"""In which order several test processes take the files of tests: the longest first."""

from collections import Counter

import pytest

# These take much longer than others with as many tests.
LONG = {
    "tests/adversary/test_stalled_answers.py",
    "tests/adversary/test_stalls.py",
    "tests/bench/test_simulator.py",
    "tests/bench/test_simulator_goals.py",
    "tests/bench/test_soak.py",
    "tests/daemon/test_start.py",
    "tests/daemon/test_stop.py",
    "tests/documentation/test_make.py",
    "tests/documentation/test_quickstart.py",
    "tests/page/test_live.py",
    "tests/pool/test_state_machine.py",
    "tests/runner/authors/test_commands.py",
    "tests/runner/cells/test_cells.py",
    "tests/runner/colour/test_healing.py",
    "tests/runner/cli/test_output.py",
    "tests/runner/container/test_odd_images.py",
    "tests/runner/container/test_volumes.py",
    "tests/runner/container/test_warm_up.py",
    "tests/runner/container/test_writable_places.py",
    "tests/runner/doctor/test_doctor.py",
    "tests/runner/doctor/test_image_command.py",
    "tests/runner/http/test_api_by_schemathesis.py",
    "tests/runner/http/test_pull.py",
    "tests/runner/http/test_time_limits.py",
    "tests/test_docs.py",
}


def longest_first(items: list[pytest.Item]) -> None:
    """Sort tests by their files: the long ones, then those with the most tests."""
    counts = Counter(map(_file_of, items))
    ranks = {name: (name not in LONG, -count) for name, count in counts.items()}
    items.sort(key=lambda item: ranks[_file_of(item)])


def _file_of(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]
