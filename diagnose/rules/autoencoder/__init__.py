"""Rules about codes and bottlenecks."""
