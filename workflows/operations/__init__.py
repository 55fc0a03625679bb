"""Questions and orders to a running cluster: doctor, explain, submit, test alerts."""
