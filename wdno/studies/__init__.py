"""Studies: a list of variations, as ordinary methods, with a table and a figure."""
