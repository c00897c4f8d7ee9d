"""The records of a study on disk: its plan, the results of each member, and the measurements of speed."""
