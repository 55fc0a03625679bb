"""The statistics that detection, diagnosis and validation share."""
