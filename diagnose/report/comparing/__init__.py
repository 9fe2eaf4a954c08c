"""Two runs side by side: what changed, and how it is shown."""
