"""What all commands share: how they print and end, and wait for an image."""
