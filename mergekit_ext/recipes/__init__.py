"""Recipes: read, checked, and made ready for mergekit."""
