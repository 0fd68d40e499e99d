"""The log of what serves: a line of JSON for each record, on standard error."""

import json
import logging
import sys


def log_json_lines(level: int = logging.INFO) -> None:
    """Let every record of this process be a line of JSON."""
    log = logging.StreamHandler(sys.stderr)
    log.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[log], force=True)


class JsonLines(logging.Formatter):
    """A record as a line of JSON; one of the access log is that already."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        said = record.getMessage()
        at = self.formatTime(record, "%Y-%m-%dT%H:%M:%S")
        if record.name == "attrition.access":
            return f'{{"at": "{at}", {said[1:]}'
        line = {"at": at, "level": record.levelname, "name": record.name, "said": said}
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line)
