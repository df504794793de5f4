"""Templates and data into logpdf."""
