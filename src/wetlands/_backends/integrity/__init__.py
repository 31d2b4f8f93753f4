"""Finds files of an environment that are missing or changed, from what the installers wrote down, and mends them."""
