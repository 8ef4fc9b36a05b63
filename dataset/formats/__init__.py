"""Formats: data sets as other tools know them, each a reader and a writer of neutral items."""
