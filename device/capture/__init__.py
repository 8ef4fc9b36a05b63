"""Cameras and files: packets, and frames of those packets that will be looked at."""
