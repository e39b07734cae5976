"""The app's logs: JSON lines if CRYPTO_LOG_FORMAT is json, else text of Streamlit's loggers."""

import logging

from streamlit import logger as streamlit_logger

from crypto_assets.logs import configure_json_logs, read_log_format
from crypto_assets.settings import LogFormat


def configure_app_logs() -> None:
    """Configure the logs of the app's process, if the settings say so.

    Streamlit gives each of its loggers a handler, when the logger is created and when Streamlit has
    read its configuration.
    """
    if read_log_format() is not LogFormat.JSON:
        return
    configure_json_logs("app")
    for logger in streamlit_logger._loggers.values():
        _pass_to_root(logger)
    streamlit_logger.setup_formatter = _pass_to_root


def _pass_to_root(logger: logging.Logger) -> None:
    """Let the root's handler write the records of a logger of Streamlit."""
    logger.handlers.clear()
    logger.propagate = True
