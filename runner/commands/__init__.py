"""The command line: how its commands print and end, and the small commands themselves."""
