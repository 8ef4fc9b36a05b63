"""What is done with a frame, one file a stage."""
