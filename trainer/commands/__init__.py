"""One file a command of the vedette-trainer program."""
