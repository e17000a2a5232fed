"""Four tiny models trained on the spot, merged, evaluated and reported."""
