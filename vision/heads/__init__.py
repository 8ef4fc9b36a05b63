"""Heads: a network's output tensors into Detections, one file a layout."""
