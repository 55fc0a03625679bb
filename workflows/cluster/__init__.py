"""Manifests of what surrounds the workflows: accounts, network, admission, serving, policies."""
