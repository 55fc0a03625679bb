"""Detection over profiles: data quality, drift and loss, from thresholds to one verdict."""
