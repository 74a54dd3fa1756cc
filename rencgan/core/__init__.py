"""What everything stands on: refusals, files, progress, checkpoints, provenance."""
