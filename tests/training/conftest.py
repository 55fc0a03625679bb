from tests.adapters.mlflow.conftest import empty_database  # noqa: F401
