"""Compare models on the items that they share."""
