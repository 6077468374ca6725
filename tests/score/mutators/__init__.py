"""The mistakes, one module for each kind of place where they are made."""
