"""Looks whether this machine can run katas, and says what to do where it cannot."""
