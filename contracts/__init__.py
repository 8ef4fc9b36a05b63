"""What crosses a wire or a disk: pydantic models and the error tree, nothing else."""
