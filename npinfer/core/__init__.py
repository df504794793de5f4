"""The nouns of statistics: no physics, no fitting."""
