"""What a campaign that follows a model is worth."""
