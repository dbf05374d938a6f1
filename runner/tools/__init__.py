"""Commands for operators: the effective settings, the state of a daemon, a pull, completion."""
