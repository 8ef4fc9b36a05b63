"""What a support engineer needs to know of a box: gathered, without secrets, into one archive."""
