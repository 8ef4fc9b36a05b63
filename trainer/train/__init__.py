"""Detector training: from a data set and its split to a run: weights, curves, a report and what is needed for a bundle."""
