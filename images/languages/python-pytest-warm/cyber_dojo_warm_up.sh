#!/bin/bash
# Starts a Python that has imported pytest, and ends once that listens.
exec /usr/bin/python3 /usr/local/lib/warm-pytest/zygote.py
