"""Replicas: this one tells its siblings of takes, and hears of theirs."""
