"""The error of a launcher where a cluster does not run a job."""


class LauncherError(Exception):
    """A cluster refused or lost a job; the message is one line."""
