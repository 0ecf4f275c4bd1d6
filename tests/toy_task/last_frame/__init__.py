"""The last frame: from the state at the start and the mean forcing, how well is the end known?"""
