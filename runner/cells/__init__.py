"""Cells: containers that serve many runs, of which each has namespaces and file systems anew."""
