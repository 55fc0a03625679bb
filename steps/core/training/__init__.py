"""The choice of rows that a challenger learns from, and of the starts that are worth a training."""
