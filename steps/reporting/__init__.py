"""HTML pages and their pictures: the records of an incident gathered (story), drawn (incident) and
stored (publish), and the opinion on two files.
"""
