"""Runs: which files are new, who works on them, what is published, and when."""
