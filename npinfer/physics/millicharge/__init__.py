"""Millicharged particles χ from the atmosphere: made, on their way through the Earth, and in a detector.

Source: arXiv:2406.01668; the method for mesons arXiv:2002.11732, Super-K and JUNO also arXiv:2104.13924. Fluxes are per
ε², of χ and χ̄ together, the same from every direction of the sky: what makes them decays at once.
"""
