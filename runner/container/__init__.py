"""A learner's container: what it may do, and the bytes that go in and come out."""
