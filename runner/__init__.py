"""The service: what a kata means, and how clients have one run."""
