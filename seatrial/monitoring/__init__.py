"""Windows of captured or tabled predictions, judged by the statistics: shared by the monitor function and command."""
