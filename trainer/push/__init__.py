"""Push: bundles released by The Update Framework, and which box is to run which, wave by wave."""
