"""One-pass summaries of whole columns, in bounded memory, that merge to the last bit (numpy)."""
