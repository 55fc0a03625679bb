"""Errors are sentences, and each class carries the exit code that a workflow engine acts on.

    ModelmedicError
    ├── BadInput          65  the data or the arguments are wrong; retrying changes nothing
    ├── BadPolicy         78  the policy is wrong
    ├── Refused           77  a safety rule forbids it
    │   ├── LeaseLost         somebody else holds the model now
    │   └── UnsafeStore       the object store ignores conditional writes
    ├── Transient         75  may go through later: a workflow engine retries it
    └── StoreError
        ├── NotFound      65  no object of that name
        └── Conflict      75  a conditional write lost its race
Exit code 1 is left to bugs, with their traceback, and 2 to a wrong command line.
"""

from modelmedic.steps.contracts.redaction import redact_text


class ModelmedicError(Exception):
    """Base of every error that this program raises on purpose; its text is one sentence for a
    person, without the secrets that a vendor's words in it may have held.
    """

    exit_code = 1

    def __init__(self, *told: object) -> None:
        super().__init__(*(redact_text(each) if isinstance(each, str) else each for each in told))


class BadInput(ModelmedicError):
    exit_code = 65


class BadPolicy(ModelmedicError):
    exit_code = 78


class Refused(ModelmedicError):
    exit_code = 77


class LeaseLost(Refused):
    pass


class UnsafeStore(Refused):
    pass


class Transient(ModelmedicError):
    exit_code = 75


class StoreError(ModelmedicError):
    exit_code = 75


class NotFound(StoreError):
    exit_code = 65


class Conflict(StoreError):
    pass
