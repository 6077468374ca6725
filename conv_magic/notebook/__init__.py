"""The doors of a notebook: magics, display, what is shown while a cell runs."""
