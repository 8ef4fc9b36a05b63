"""Scripts that run inside the environment of another library, each a file that needs nothing of ours."""
