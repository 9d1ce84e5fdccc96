"""Raw captures of market data, one format per file, and what they give: frames."""

from streams.recordings.recording import Recording, SourceStats, sources_from

__all__ = ["Recording", "SourceStats", "sources_from"]
