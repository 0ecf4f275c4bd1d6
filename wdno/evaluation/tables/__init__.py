"""Tables of any task: rows collected from records, cells and files written."""
