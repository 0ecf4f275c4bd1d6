"""Stages of the workflow: what each verb of the command line does with the configuration.

One module for each rules file of the workflow, and `predict`, which users alone ask. They are the
only ones that know of configuration, files and all parts of the program at once.
"""
