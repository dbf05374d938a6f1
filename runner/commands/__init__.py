"""The command line: which commands there are, and the small commands themselves."""
