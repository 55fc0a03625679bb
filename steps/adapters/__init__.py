"""The only modules that talk to something outside: stores, registries, servers, files."""
