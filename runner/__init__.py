"""The service: what a kata means, and how clients ask for a run."""
