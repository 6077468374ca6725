"""Rules about reshapes, flattening and sizes of weights."""
