"""The trainer's store: what boxes said, what they sent, and what is to be done with it, in one database; pictures as blobs beside it."""
