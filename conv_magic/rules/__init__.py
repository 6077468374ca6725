"""Why it broke: one family of faults, one file; `table.RULES` names them all."""
