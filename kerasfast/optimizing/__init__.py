"""Optimizers by layer group: their control on the device, groups that freeze, fused updates, convex solvers."""
