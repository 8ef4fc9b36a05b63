"""What Vedette promises, measured: one file a promise, `make bench` runs all of them."""
