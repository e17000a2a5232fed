"""Merge methods for mergekit: exact, chunked, without a sort."""
