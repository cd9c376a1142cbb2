"""Numerical analysis of structured state space models."""
from .state_space import DPLR, Diagonal, StateSpace
from .recurrence import simulate
from .convolution import convolve
from .convolution_kernel import convolution_kernel
from .discretization import discretize
from .continuous import impulse_response, respond
