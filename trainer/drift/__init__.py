"""Drift: is what boxes see still what their model was good for? Hours against the same hours of the first days."""
