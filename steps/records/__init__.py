"""The records of the loop: ledger, audit trail, history, freezes and policies."""
