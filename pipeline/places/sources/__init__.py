"""Where places come from: one module for each origin, each a stream of `layers.Row`."""
