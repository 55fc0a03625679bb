"""The worth of a newly taught model: the cost of the champion's age against that of a training."""
