"""The fleet's own authority: certificates for its broker, its boxes and its trainer."""
