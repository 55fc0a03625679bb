"""Alert rules, dashboards and scrape targets."""
