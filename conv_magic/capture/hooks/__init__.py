"""Hook the functions and layers whose calls are seen: one entry of `table.HOOKS` for each."""
