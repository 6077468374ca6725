"""Rules about what a model or layer is given."""
