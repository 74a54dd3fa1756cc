"""Every number that a run depends on."""
