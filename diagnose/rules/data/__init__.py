"""Rules about what the network is fed."""
