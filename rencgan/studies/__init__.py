"""The studies of the papers: variants, runs, results, claims."""
