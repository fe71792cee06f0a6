"""Pure policy: alert, retrain, promote; facts in, decisions with their reason out (stdlib only)."""
