"""Rules about weights and their updates."""
