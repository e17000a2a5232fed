"""What a merge leaves behind: whole or nothing, and where it came from."""
