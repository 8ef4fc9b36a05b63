"""What wears a box out: bytes written, the life of its disks, heat."""
