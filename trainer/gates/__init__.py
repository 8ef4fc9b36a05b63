"""Whether a model may be promoted: rules in YAML, each with its numbers and its answer."""
