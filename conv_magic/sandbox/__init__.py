"""The scratch process: packs what a cell needs, runs an edited cell there, restrains it.

Knows nothing of rules and repair: the analysis to run there is handed in by name.
"""
