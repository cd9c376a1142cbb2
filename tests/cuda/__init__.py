"""Tests of the CUDA layer without a device: simulation, compilation, and the generated code on the processor."""
