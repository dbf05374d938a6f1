"""Cells: containers that serve many runs, each with name spaces and file systems of its own."""
