"""A plugin for pytest that lists, when the image is built, what a session has imported."""

import os
import sys

_LIST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "modules")
_OURS = {"__main__", "list_modules", "test_it", "conftest"}


def pytest_unconfigure() -> None:
    """Write the names, without those that belong to the session itself."""
    with open(_LIST, "w") as file:
        file.writelines(f"{name}\n" for name in sorted(sys.modules) if name not in _OURS)
