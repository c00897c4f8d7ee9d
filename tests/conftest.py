"""One thread, as in every worker of a study, and hypothesis examples that are the same in every run."""

import torch
from hypothesis import settings

torch.set_num_threads(1)
settings.register_profile("repeatable", deadline=None, derandomize=True, database=None, max_examples=25)
settings.load_profile("repeatable")
