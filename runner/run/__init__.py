"""One run: whose turn it is, the talk with its container, and what the answer means."""
