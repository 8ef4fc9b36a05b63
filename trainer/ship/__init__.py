"""Shipping: a trained network as the files that boxes run, each held against the network it was made of."""
