"""One run: its turn among others, the talk with its container, and the judgement of the answer."""
