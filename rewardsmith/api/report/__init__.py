"""A run as one HTML file: what came out, how it was found, what it cost. No network, no script.

    charts   numbers -> SVG text
    facts    a run's folder -> what the page says
    page     the facts in the template
    samples  the sample episodes of a task as a page of their own

Everything that a model, an environment or a user wrote is escaped: the template escapes by
itself, and only what ``charts`` made is marked as markup.
"""

from rewardsmith.api.report.page import report_run

__all__ = ["report_run"]
