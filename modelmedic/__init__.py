"""Self-healing ML pipelines for Argo Workflows, KServe and MLflow, generated from one policy per
model.
"""
