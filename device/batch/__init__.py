"""Recordings by the hour: index, segments looked at anywhere in any order, and one pass of what remembers over what they found."""
