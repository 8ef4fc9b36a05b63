"""Events and health on their way out of the box."""
