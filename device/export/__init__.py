"""What the box saw, kept as training data."""
