"""The sweep between heals: it repairs, starts lost heals, and assesses whether a heal helped."""
