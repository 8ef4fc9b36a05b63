"""The box's own page and its REST API."""
