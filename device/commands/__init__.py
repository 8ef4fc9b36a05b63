"""One file a command of the vedette program."""
