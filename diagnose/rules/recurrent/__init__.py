"""Rules about networks that run along time."""
