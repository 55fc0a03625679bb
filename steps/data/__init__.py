"""The data of a model in the object store: inference log, labels, references and snapshots."""
