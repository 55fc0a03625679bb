"""Incidents: opened from alerts or by hand, told from repetitions, counted for Prometheus."""
