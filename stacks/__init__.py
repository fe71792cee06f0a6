"""What is deployed: one stack a noun, wiring only; no policy statement and no logic lives here."""
