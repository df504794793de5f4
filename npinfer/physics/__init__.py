"""Physics predictions: pure functions and template generators."""
