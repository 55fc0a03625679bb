"""Tests of versions compared on the same rows."""
