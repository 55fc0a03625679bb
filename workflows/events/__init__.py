"""The way of an alert into the cluster: Alertmanager's route, and Argo Events."""
