"""CUDA kernels under the compiled layer: loops, blocks and shared memory; the formulas are those of the files above.

They stand in files of their own, so that who never asks for a device never imports `numba.cuda`. All arrays are real;
complex numbers are a last axis of two. Every kernel takes any size, one precision, and loops over what the grid does
not cover.
"""
