"""Recipes: read from a file or from mergekit, and checked by themselves."""
