"""Engines: a loaded network behind one protocol, tensors in, tensors out."""
