"""Drift: what the model and the cameras show, counted by the hour, so that a trainer sees when it is no longer what it was."""
