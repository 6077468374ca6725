"""Rules about calls that run and give something else than was meant."""
