"""`attrition ...`: what is no materialization. A command reads settings and calls one function."""

from attrition_assets.cli import loop, models, months, pull_requests, records, serving, tables
from attrition_assets.cli.group import main

__all__ = ["loop", "main", "models", "months", "pull_requests", "records", "serving", "tables"]
