"""What a trace and its texts tell: definitions, producers, what calls are written with, what an edit would give.

Shared by the rules and the repair; makes no diagnosis and no fix.
"""
