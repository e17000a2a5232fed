"""The merge methods: pure functions from tensors to a tensor."""
