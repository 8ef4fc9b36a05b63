"""Data sets of the trainer: known by what is in them, split once for all, traced to the boxes they come from."""
