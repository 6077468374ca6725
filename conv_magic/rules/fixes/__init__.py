"""Fixes that several rules offer."""
