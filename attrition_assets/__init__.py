"""Watches an employee-attrition model and retrains it when, and only when, it should."""
