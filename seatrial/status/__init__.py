"""What a deployed engagement is doing: what serves, what is wrong, what was decided and why, what to do."""
