"""Fixes: edits of the source, and the scratch process in which they are tried."""
