"""The engine: fold, plan, carry out, record, until there is nothing more to do.

loop       the way of a run
writing    a Write order -> a reply, bought once
judging    a reply -> a program and its verdict
bank       what is known of behaviour, gathered from the run
screening  Screen orders -> verdicts of the bank
training   Train orders -> trials, each run once
gate       what the budget still allows
closing    the comparison that every run ends with
feedback   past turns -> what the writer is told about them
observer   what the user sees while it runs
"""
