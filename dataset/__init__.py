"""Training data on disk: kept by a box, read and converted by whoever trains. The same code on both."""
