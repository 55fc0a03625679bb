"""A policy replayed over past labelled data, beside what simpler habits would have come to."""
