"""The compiled layer: formulas once, with the loops that apply them. Nothing here checks, allocates or is public."""
