"""The program inside a predictor: KServe's ModelServer over an MLflow model, and the inference log
that it writes.
"""
