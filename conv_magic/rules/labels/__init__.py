"""Rules about labels, losses and metrics."""
