"""Code of ours, read and not run: its statements, the names in it, its imports."""
