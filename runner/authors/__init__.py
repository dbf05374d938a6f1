"""For authors of katas: run a folder as a kata, and check what a start point must show."""
