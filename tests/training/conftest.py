from tests.registry.conftest import empty_database  # noqa: F401
