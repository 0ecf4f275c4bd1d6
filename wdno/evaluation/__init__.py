"""Evaluation: errors of predictions, their records, and the tables and figures made of them."""
