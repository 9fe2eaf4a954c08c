"""Rules about time and memory."""
