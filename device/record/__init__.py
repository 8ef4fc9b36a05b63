"""Packets to clips, and pictures worth keeping."""
