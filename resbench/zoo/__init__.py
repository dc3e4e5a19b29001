"""What the networks are: the table of architectures and checkpoints, as plain data, without torch."""
