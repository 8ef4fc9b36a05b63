"""The other machine: trains, judges and bundles what the boxes run."""
