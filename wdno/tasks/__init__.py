"""Tasks: which fields are given, which are generated, and how the outcome is scored."""
