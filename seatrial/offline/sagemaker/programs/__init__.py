"""Programs that run inside a job's or endpoint's process; each is started as a file and imports nothing of ours."""
