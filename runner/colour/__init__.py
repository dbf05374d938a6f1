"""Colours: real Ruby in a container of its own, which the daemon asks."""
