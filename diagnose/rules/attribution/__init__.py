"""Rules about what a trained network looks at."""
