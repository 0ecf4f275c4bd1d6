"""Errors of predictions, case by case: functions of arrays, each with its source."""
