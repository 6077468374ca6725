"""Rules about convolutions, pools and their options."""
