"""The networks as torch modules, and their checkpoints."""
