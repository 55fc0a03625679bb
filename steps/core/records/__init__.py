"""The bytes of the audit trail: the chain of hashes."""
