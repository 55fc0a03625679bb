"""Manifests of Argo Workflows: heal, bootstrap, monitor, triage and reconcile."""
