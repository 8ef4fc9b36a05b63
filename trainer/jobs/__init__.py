"""Long work: asked for, done by a worker, told how far it is, cancelled, taken up again."""
