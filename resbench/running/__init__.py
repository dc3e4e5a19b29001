"""How a network is run: settings, devices, fresh processes, batch norm folded."""
