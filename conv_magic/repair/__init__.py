"""Fixes tried, ranked and combined.

Knows analyses and the sandbox, no rule.
"""
