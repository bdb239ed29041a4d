"""Why a cell's losses went as they did: what it had consumed by when, and how near that is to each unseen task."""
