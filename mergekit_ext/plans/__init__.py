"""A merge before it runs: what it will read and write, and whether it can."""
