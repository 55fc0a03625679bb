"""Real streams of labelled rows: the benchmark of when a newly taught model pays."""
