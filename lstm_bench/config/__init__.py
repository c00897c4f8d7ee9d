"""From the command line and yaml to plain typed objects. Below this room nobody knows Hydra."""
