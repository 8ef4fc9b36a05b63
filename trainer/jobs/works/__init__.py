"""One file a kind of job: its arguments, and how it is done with the trainer's home. Names of things in the home, never paths."""
