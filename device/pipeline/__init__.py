"""The frame of the house: values, channels and threads; no camera, no model, no network in it."""
