"""Which images are made warm, and at whose wish."""
