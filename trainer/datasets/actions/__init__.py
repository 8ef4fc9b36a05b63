"""Actions of `vedette-trainer dataset` that a box does not have."""
