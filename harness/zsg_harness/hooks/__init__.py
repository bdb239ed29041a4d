"""Hook plugins: made from their settings, told of events from queues, asked for columns of the leaderboard."""
