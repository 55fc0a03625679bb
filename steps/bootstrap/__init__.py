"""The first champion of a model: trained, judged, registered and served."""
