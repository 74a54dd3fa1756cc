"""Other systems of the field, through the same contract."""
