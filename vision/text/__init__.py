"""Text: where it is in a picture, what it says, and in which order it is read."""
