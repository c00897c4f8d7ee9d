"""A cache of what several figures, captions and tables ask of one study."""

from functools import lru_cache

cache_per_study = lru_cache(maxsize=512)
