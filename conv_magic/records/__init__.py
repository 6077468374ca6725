"""From recorded rows to call records.

Knows what was captured; decides nothing about right and wrong.
"""
