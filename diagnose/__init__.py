"""Says why a PyTorch network trains badly, and what to change."""

__version__ = "0.1.0"
