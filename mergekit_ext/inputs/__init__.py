"""The models that go into a merge: found, read, and judged each by itself."""
