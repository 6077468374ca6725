"""Turn recorded rows into call records.

Knows what was captured; decides nothing about right and wrong.
"""
