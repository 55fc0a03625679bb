"""Incidents: alerts read, the persistence that opens one, recurrence, and the outcome."""
