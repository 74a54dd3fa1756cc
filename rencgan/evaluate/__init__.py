"""Scores of videos against videos."""
