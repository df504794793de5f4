"""Physical constants in natural units (GeV), with conversions to cm, g and s at the borders.

Sources: Particle Data Group, Prog. Theor. Exp. Phys. 2022, 083C01 ("PDG 2022") for particle properties;
CODATA 2018 / the SI definition for the rest.
"""

from __future__ import annotations

from math import pi, sqrt

# Electroweak, PDG 2022, "Physical constants" and "Electroweak model".
G_FERMI = 1.1663788e-5  # GeV^-2
ALPHA_EM = 1 / 137.035999084  # at zero momentum transfer
SIN2_THETA_W = 0.2312  # MS-bar at M_Z, to the digits that matter here
HIGGS_VEV_GEV = 246.22  # (sqrt(2) G_F)^(-1/2)

# Masses and widths [GeV], PDG 2022, "Gauge and Higgs boson", "Lepton" and "Baryon" summary tables.
M_W_GEV = 80.377
GAMMA_W_GEV = 2.085
M_Z_GEV = 91.1876
M_ELECTRON_GEV = 0.51099895e-3
M_MUON_GEV = 0.1056583755
M_TAU_GEV = 1.77686
M_PROTON_GEV = 0.93827208816
M_NEUTRON_GEV = 0.93956542052
M_NUCLEON_GEV = (M_PROTON_GEV + M_NEUTRON_GEV) / 2  # isoscalar
ATOMIC_MASS_UNIT_GEV = 0.93149410242  # CODATA 2018

BOHR_MAGNETON_PER_GEV = sqrt(4 * pi * ALPHA_EM) / (2 * M_ELECTRON_GEV)  # e/2m_e, 296.3

# Conversions, SI definition and CODATA 2018.
HBARC_GEV_CM = 1.973269804e-14
HBARC2_GEV2_CM2 = 0.3893793721e-27
AVOGADRO = 6.02214076e23  # nucleons (or electrons, times Z/A) per gram of matter
SPEED_OF_LIGHT_CM_S = 2.99792458e10
PICOBARN_CM2 = 1e-36
YEAR_S = 365.25 * 86400  # Julian year

ICE_DENSITY_G_CM3 = 0.92  # of idealised volumes, 920 Mt per km³; a telescope's own is with the telescope

# Electrons per nucleon.
Z_OVER_A_WATER = 10 / 18
Z_OVER_A_EARTH = 0.5  # 0.466 in the core to 0.496 in the mantle for PREM's composition
