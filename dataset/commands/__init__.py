"""`dataset ...` on the command line: the same on the box and on the trainer's machine."""
