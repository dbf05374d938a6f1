"""How many runs a container serves, as a setting."""

from enum import StrEnum


class Reuse(StrEnum):
    """Where cells cannot be had, each run gets a container of its own, whatever was asked for."""

    NEVER = "never"  # one
    CELLS = "cells"  # many, each in a cell of its own; an error is logged where it cannot be had
    AUTO = "auto"  # the same, with a warning
