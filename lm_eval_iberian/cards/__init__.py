"""What is published of a model: its card, and its results in an exchange form."""
