"""The engines that run a network, a folder each; their libraries are imported nowhere else."""
