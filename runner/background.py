"""What the log says of an unforeseen error in the background."""

from loguru import logger


def report_bug(task: str, error: BaseException) -> None:
    """Log an unforeseen error of a background task, with the task's name and the trace."""
    logger.opt(exception=error).bind(task=task).error("unexpected error in the background")
