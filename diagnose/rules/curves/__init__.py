"""Rules about loss curves: what the training and validation losses do over time."""
