"""The pages of reports: the blocks of each, in order."""
