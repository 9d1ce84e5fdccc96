"""Raw captures of market data, one format per file, and what they give: frames."""

from streams.recordings.feed_recording import FeedRecording, made_by_feeds
from streams.recordings.recording import Recording, sources_from
from streams.recordings.stats import SourceStats

__all__ = ["FeedRecording", "Recording", "SourceStats", "made_by_feeds", "sources_from"]
