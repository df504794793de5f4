"""Verbs: questions asked of a likelihood, each answered by a result."""
