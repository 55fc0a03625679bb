"""What past incidents teach about the rules: read, decided again, and drawn."""
