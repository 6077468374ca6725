"""Where calls are seen: one entry of `table.HOOKS` for each target."""
