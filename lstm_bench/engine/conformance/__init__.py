"""The conformance suite: checks of a plug-in cell before it trains, in words."""
