"""Chunked kernels that stay in cache, and the short reference they must agree with."""
