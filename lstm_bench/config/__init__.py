"""Turn the command line and yaml files into typed objects. Rooms below this one do not use Hydra."""
