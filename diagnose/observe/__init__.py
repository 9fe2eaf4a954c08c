"""Attach to live training: cheap, complete, harmless."""
