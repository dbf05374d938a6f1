"""Cells: containers that serve many runs, each with namespaces and file systems of its own."""
