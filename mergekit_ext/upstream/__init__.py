"""What of this package mergekit could take over, as files for its own tree."""

from mergekit_ext.upstream.pull_request_files import write_pull_requests


__all__ = ["write_pull_requests"]
