"""The models that go into a merge: found, read, and checked before it."""
