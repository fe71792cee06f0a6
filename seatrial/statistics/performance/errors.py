"""What these methods raise when they are given too little or nonsense."""


class NotEnoughDataError(ValueError):
    """Too few rows, or rows of one class only; the text says what is needed."""


class ShapeError(ValueError):
    """Arrays that do not fit together; the text says which."""
