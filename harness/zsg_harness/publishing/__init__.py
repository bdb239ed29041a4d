"""What becomes of a leaderboard: published, merged with others, run again in part, watched, shown on a badge."""
